"""How long the statistics take on a large experiment, beside a plain loop over the same formula; prints JSON.

    python bench/stats.py [--figure decomposition] [--experiments 2000]

Seconds are the least of three rounds for the arrays, and of one for the loop. Peak memory is that of this process.
"""

import os
import sys

if (HERE := os.path.dirname(os.path.abspath(__file__))) in sys.path:
    sys.path.remove(HERE)  # else the standard library's `import http` finds the bench of that name
    sys.path.insert(0, os.path.dirname(HERE))

import argparse
import json
import math
import random
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentlab.stats.incoherence.choices import Choices, votes
from agentlab.stats.incoherence.companions import companions, totals
from agentlab.stats.incoherence.decompose import DELTA, Decomposition, brier, kl, unbiased
from agentlab.stats.incoherence.excess import brier_excess
from agentlab.stats.incoherence.incoherence import bootstrap, difference, incoherence
from bench.paired import speed
from bench.tally import LEAST, MOST, Tally

Floats = NDArray[np.float64]
Answers = NDArray[np.intp]
TASKS, DRAWS, CONDITIONS, CLASSES, RESAMPLES = 1000, 30, 4, 4, 2000
ROUNDS = 3
SPREAD = (3.0, 1.2, 0.6, 0.3)
"""Dirichlet parameters of a task's answers, the right one first."""


def decomposition(_: int) -> dict[str, Any]:
    """KL and unbiased Brier of every condition, jackknife-t, companions, and the bootstrap over tasks."""
    rng = np.random.default_rng(1)
    answers = [_drawn(rng, rng.dirichlet(SPREAD, size=TASKS), DRAWS) for _ in range(CONDITIONS)]
    seconds = min(_seconds(lambda: _arrays(answers)) for _ in range(ROUNDS))
    resampled = _arrays(answers)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    started = time.perf_counter()
    parts, sums = loop([answers_of.tolist() for answers_of in answers], RESAMPLES)
    slow = time.perf_counter() - started
    assert np.allclose(parts, resampled[0], rtol=1e-9, atol=1e-9)
    return {
        "tasks": TASKS,
        "draws": DRAWS,
        "conditions": CONDITIONS,
        "resamples": RESAMPLES,
        "seconds": round(seconds, 3),
        "peak_mb": round(peak, 1),
        "loop_seconds": round(slow, 2),
        "loop_over": "KL and Brier of every task and the sums of every resample; no jackknife and no companions",
        "ratio": round(slow / seconds, 1),
        "se_bootstrap": [round(float(x), 5) for x in resampled[1].std(axis=0)],
        "se_loop": [round(float(x), 5) for x in np.std(sums, axis=0)],
    }


def _arrays(answers: Sequence[Answers]) -> tuple[Floats, Floats]:
    """Variance and error of every task by loss and condition, and the resampled ratios."""
    decompositions: list[Decomposition] = []
    for of_condition in answers:
        choices = _choices(of_condition)
        decompositions += [kl(choices), unbiased(brier(choices))]
        totals(companions(choices))
        for parts in decompositions[-2:]:
            incoherence(parts)
    resampled = bootstrap(decompositions, np.random.default_rng(2), RESAMPLES)
    return np.array([[parts.variance_t, parts.error_t] for parts in decompositions]), resampled.values_bc


def loop(answers: Sequence[Sequence[Sequence[int]]], resamples: int) -> tuple[list[Any], list[list[float]]]:
    """The same in plain Python; answers by condition, task and draw, 0 being right."""
    losses = [[[f(task) for task in of_condition] for f in (loop_kl, loop_brier)] for of_condition in answers]
    parts = [loss for pair in losses for loss in pair]
    rng, count = random.Random(1), len(answers[0])
    ratios: list[list[float]] = []
    for _ in range(resamples):
        drawn = rng.choices(range(count), k=count)
        ratios.append([sum(loss[t][0] for t in drawn) / sum(loss[t][1] for t in drawn) for loss in parts])
    return [[[task[i] for task in loss] for i in range(2)] for loss in parts], ratios


def loop_kl(draws: Sequence[int], classes: int = CLASSES, delta: float = DELTA) -> tuple[float, float]:
    """Variance and error of one task's votes; class 0 is right."""
    means: list[float] = []
    for c in range(classes):
        logs = [math.log(((answer == c) + delta) / (1 + classes * delta)) for answer in draws]
        means.append(sum(logs) / len(logs))
    z = sum(math.exp(mean) for mean in means)
    centre = [math.exp(mean) / z for mean in means]
    variance = sum(share * (math.log(share) - mean) for share, mean in zip(centre, means, strict=True) if share > 0)
    return variance, -means[0]


def loop_brier(draws: Sequence[int], classes: int = CLASSES) -> tuple[float, float]:
    """Unbiased variance, and error, of one task's votes; class 0 is right."""
    k, variance, error = len(draws), 0.0, 0.0
    for c in range(classes):
        share = sum(answer == c for answer in draws) / k
        variance += sum(((answer == c) - share) ** 2 for answer in draws) / (k - 1)
        error += sum(((answer == c) - (c == 0)) ** 2 for answer in draws) / k
    return variance, error


def coverage(experiments: int) -> list[dict[str, Any]]:
    """Of the jackknife-t: an incoherence, a paired difference, and an excess that is truly 0. Unbiased Brier."""
    return [_covered(experiments, tasks, seed) for seed, tasks in enumerate((12, 30, 100))]


def _covered(experiments: int, tasks: int, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng([3, seed])
    weak, strong = (_truth(_pair(rng, 400_000)[side]) for side in range(2))
    tallies = {
        "incoherence": Tally(strong, edge=False),
        "difference": Tally(strong - weak, edge=False),
        "excess": Tally(0.0, edge=False),
    }
    for _ in range(experiments):
        a, b = (_choices(_drawn(rng, p, DRAWS)) for p in _pair(rng, tasks))
        weak_parts, strong_parts = (unbiased(brier(choices)) for choices in (a, b))
        estimates = (incoherence(strong_parts).ratio, difference(strong_parts, weak_parts), brier_excess(a, b).excess)
        for tally, estimate in zip(tallies.values(), estimates, strict=True):
            tally.add(estimate.value, estimate.low, estimate.high)
    return {"tasks": tasks, "draws": DRAWS, **{name: tally.figures() for name, tally in tallies.items()}}


def _pair(rng: np.random.Generator, tasks: int) -> tuple[Floats, Floats]:
    """Answer probabilities of two models that differ in accuracy only: when wrong, both are wrong in the same ways."""
    q = rng.dirichlet(SPREAD[1:], size=tasks)
    low, high = np.sort(rng.beta(1.0, 1.0, size=(2, tasks)), axis=0)
    weak, strong = (np.column_stack([a, (1 - a)[:, None] * q]) for a in (low, high))
    return weak, strong


def _truth(p: Floats) -> float:
    return float((1 - (p**2).sum(axis=1)).sum() / (2 * (1 - p[:, 0])).sum())


def _drawn(rng: np.random.Generator, p: Floats, draws: int) -> Answers:
    """Answers, shape (tasks, draws), of probabilities (tasks, classes)."""
    above: NDArray[np.bool_] = rng.random((len(p), draws, 1)) > p.cumsum(axis=1)[:, None, :-1]
    return above.sum(axis=2)


def _choices(answers: Answers) -> Choices:
    tasks, draws = len(answers), answers.shape[1]
    return votes(np.repeat(np.arange(tasks), draws), answers.ravel(), np.zeros(tasks, dtype=np.intp), CLASSES)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


FIGURES: Mapping[str, Callable[[int], Any]] = {
    "decomposition": decomposition,
    "paired": lambda _: speed(),
    "coverage": coverage,
}
"""By name; the number of simulated experiments goes in."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--figure", choices=FIGURES, action="append")
    parser.add_argument("--experiments", type=int, default=2000)
    options = parser.parse_args()
    figures = {name: FIGURES[name](options.experiments) for name in options.figure or FIGURES}
    print(json.dumps({"experiments": options.experiments, "aim": [LEAST, MOST], **figures}))


if __name__ == "__main__":
    main()
