"""Paired contrasts: speed beside a plain loop, coverage of both intervals, false alarms over several interim analyses.

Prints JSON. Coverage is over 2,000 simulated experiments a design, whose standard error is half a percent; `spread` has
tasks with draw SDs from 0.3 to 1.7, `one` has a task with 25 times the variance of the others, `binary` has outcomes of
0 and 1 whose chances differ from task to task, `rare` has such chances close to 1. For new tasks, tasks differ by an SD
of 1 in the effect.
"""

import os
import sys

if (HERE := os.path.dirname(os.path.abspath(__file__))) in sys.path:
    sys.path.remove(HERE)  # else the standard library's `import http` finds the bench of that name
    sys.path.insert(0, os.path.dirname(HERE))

import argparse
import json
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from agentlab.stats.contrasts.holm import holm
from agentlab.stats.contrasts.paired import paired
from agentlab.stats.contrasts.sequential import Spend, level

Array = NDArray[np.float64]
DESIGNS = ((6, 2), (8, 3), (10, 2), (10, 3), (10, 15), (30, 5))
SHAPES = ("equal", "spread", "one", "binary", "rare")
BAND = (0.935, 0.965)
LOOKS = (1 / 3, 2 / 3, 1.0)


def speed() -> dict[str, float]:
    """Ten contrasts of 1,000 tasks and 10 draws, both arms missing one score in a hundred; Holm over all."""
    rng, tasks, draws = np.random.default_rng(1), 1000, 10
    names = [f"t{i // draws}" for i in range(tasks * draws)]
    indices = [i % draws for i in range(tasks * draws)]
    arms = rng.normal(size=(10, 2, tasks * draws))
    arms[rng.random(arms.shape) < 0.01] = np.nan
    started = time.perf_counter()
    results = [paired(names, indices, a, b) for a, b in arms]
    holm([result.new_tasks and result.new_tasks.p for result in results])
    ours = time.perf_counter() - started
    started = time.perf_counter()
    plain = [loop(names, a.tolist(), b.tolist()) for a, b in arms]
    slow = time.perf_counter() - started
    for result, (difference, these, like) in zip(results, plain, strict=True):
        assert result.difference is not None
        assert result.these_tasks is not None
        assert result.new_tasks is not None
        np.testing.assert_allclose(
            [result.difference, result.these_tasks.se, result.new_tasks.se], [difference, these, like], rtol=1e-9
        )
    return {"scores": arms.size // 2, "seconds": round(ours, 4), "plain_loop_seconds": round(slow, 4)}


def loop(tasks: list[str], a: list[float], b: list[float]) -> tuple[float, float, float]:
    """Difference and both standard errors, row by row."""
    by_task: dict[str, list[float]] = {}
    for task, x, y in zip(tasks, a, b, strict=True):
        if x == x and y == y:
            by_task.setdefault(task, []).append(x - y)
    means, noise = [sum(d) / len(d) for d in by_task.values()], 0.0
    for mean, d in zip(means, by_task.values(), strict=True):
        noise += sum((x - mean) ** 2 for x in d) / (len(d) - 1) / len(d)
    count, grand = len(means), sum(means) / len(means)
    spread = sum((mean - grand) ** 2 for mean in means) / (count - 1)
    return grand, noise**0.5 / count, (spread / count) ** 0.5


def coverage(runs: int) -> dict[str, Any]:
    """By design and shape, how often each interval covers what it names."""
    covered: dict[str, Any] = {}
    for tasks, draws in DESIGNS:
        for shape in SHAPES:
            rng, hits = np.random.default_rng(7), np.zeros(2)
            names = [t for t in range(tasks) for _ in range(draws)]
            indices = [r for _ in range(tasks) for r in range(draws)]
            for _ in range(runs):
                effects, a, b = drawn(rng, tasks, draws, shape)
                result = paired(names, indices, a.ravel(), b.ravel())
                these, like = result.these_tasks, result.new_tasks
                hits[0] += these is None or these.low <= effects.mean() <= these.high
                hits[1] += like is None or like.low <= 0 <= like.high
            these, like = (hits / runs).tolist()
            covered[f"{tasks}x{draws} {shape}"] = {"these_tasks": these, "new_tasks": like}
    return covered


def drawn(rng: np.random.Generator, tasks: int, draws: int, shape: str) -> tuple[Array, Array, Array]:
    """True task effects, which are 0 on average over all tasks there could be, and both arms' outcomes."""
    if shape in ("binary", "rare"):
        p, q = rng.beta(*((1, 1) if shape == "binary" else (4.5, 0.5)), (2, tasks, 1))
        first, second = (rng.random((tasks, draws)) < chance for chance in (p, q))
        return (p - q).ravel(), first.astype(np.float64), second.astype(np.float64)
    sd = {"equal": np.ones(tasks), "spread": np.linspace(0.3, 1.7, tasks)}.get(shape, np.full(tasks, 0.2))
    sd[-1] = 1.0 if shape == "one" else sd[-1]
    effects = rng.normal(size=(tasks, 1))
    noise = rng.normal(size=(2, tasks, draws)) * sd[:, None] / 2**0.5
    return effects.ravel(), effects + noise[0], noise[1]


def interim_analyses(runs: int) -> dict[str, Any]:
    """False alarms over three interim analyses of 10 tasks, at 2, 4 and 6 draws: spent alpha, and 5 % each time."""
    rng, alarms = np.random.default_rng(9), dict[str, Any]()
    for slope in (0.0, 0.5):
        d = rng.normal(size=(runs, 10, 6)) + slope * rng.normal(size=(runs, 10, 1))
        ps = np.stack([np.asarray(stats.ttest_1samp(d[:, :, :n].mean(axis=2), 0.0, axis=1).pvalue) for n in (2, 4, 6)])
        spends: tuple[Spend, ...] = ("obrien_fleming", "pocock")
        limits = {str(s): [level(LOOKS[: k + 1], s) for k in range(3)] for s in spends}
        limits["every analysis at 5%"] = [0.05] * 3
        for name, at in limits.items():
            crossed = (ps <= np.array(at)[:, None]).any(axis=0)
            alarms.setdefault(name, {})[f"task SD {slope}"] = round(float(crossed.mean()), 4)
    return alarms


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiments", type=int, default=2000)
    options = parser.parse_args()
    fast = speed()
    fast["ratio"] = round(fast["plain_loop_seconds"] / fast["seconds"], 1)
    covered = coverage(options.experiments)
    outside = {
        f"{design}, {name}": share
        for design, shares in covered.items()
        for name, share in shares.items()
        if not BAND[0] <= share <= BAND[1]
    }
    report = {
        "speed": fast,
        "coverage": covered,
        "outside": outside,
        "interim_analyses": interim_analyses(20 * options.experiments),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
