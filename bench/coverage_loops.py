"""Studies of contrasts of self-training loops with replicates: weights as given, and whole loops."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentlab.stats.contrasts.paired import paired
from agentlab.stats.contrasts.replicated import independent, matched
from agentlab.stats.interval import Interval
from bench.tally import Tally

Array = NDArray[np.float64]
SIZES = ((4, 2, 2), (4, 3, 4), (12, 5, 4))
"""Tasks, replicates of either arm, and draws of each replicate on a task."""
SPREADS = (0.0, 0.3, 0.9)
"""How much a training changes at most: half of it in every task alike, half in each task by itself."""


def of_loops(experiments: int, seed: int) -> list[dict[str, Any]]:
    """Coverage of the true difference of given weights on given tasks, once with replicates told apart and once with
    all draws of a task taken as one sample; and of the true difference between ways of training on given tasks."""
    rows: list[dict[str, Any]] = []
    for binary in (True, False):
        for i, (tasks, loops, draws) in enumerate(SIZES):
            for spread in SPREADS:
                rng = np.random.default_rng([seed, 800, i, round(100 * spread), binary])
                tallies = {name: Tally(0.0, edge=False) for name in ("these weights", "one sample", "loops", "gains")}
                for _ in range(experiments):
                    _experiment(rng, tallies, (tasks, loops, draws), spread, binary)
                kind = "right or wrong" if binary else "normal scores"
                setting = f"{tasks} tasks, {loops} replicates, {draws} draws, spread {spread:g}, {kind}"
                rows.append({"setting": setting, **{name: tally.figures() for name, tally in tallies.items()}})
    return rows


def of_collapses(experiments: int, seed: int) -> list[dict[str, Any]]:
    """Coverage of the true difference between ways of training of which one sometimes collapses: its loops end at .2
    and else at .8, those of the other at .7, each with an SD of .03."""
    rows: list[dict[str, Any]] = []
    for collapsing in (0.1, 0.2):
        truth = 0.8 - 0.6 * collapsing - 0.7
        for loops in (3, 5, 8, 12, 20):
            rng, tally = np.random.default_rng([seed, 850, loops, round(100 * collapsing)]), Tally(0.0, edge=False)
            for _ in range(experiments):
                a, b = rng.normal(0.8, 0.03, loops), rng.normal(0.7, 0.03, loops)
                a = a - 0.6 * (rng.random(loops) < collapsing)
                _add(tally, float(a.mean() - b.mean()), truth, independent(a, b))
            setting = f"{loops} replicates, {collapsing:.0%} of trainings collapse"
            rows.append({"setting": setting, "loops": tally.figures()})
    return rows


def _experiment(
    rng: np.random.Generator, tallies: dict[str, Tally], size: tuple[int, int, int], spread: float, binary: bool
) -> None:
    tasks, loops, draws = size
    chance = rng.uniform(0.35, 0.65, (tasks, 1))
    means = [np.clip(chance + _trained(rng, tasks, loops, spread), 0.02, 0.98) for _ in range(2)]
    a, b = (_values(rng, mean, draws, binary) for mean in means)
    truth = float((means[0] - means[1]).mean())
    names, replicates = (np.broadcast_to(index, a.shape).ravel().tolist() for index in np.indices(a.shape)[:2])
    places = list(range(a.size))
    for name, told in (("these weights", replicates), ("one sample", None)):
        result = paired(names, places, a.ravel(), b.ravel(), replicates=told)
        _add(tallies[name], result.difference, truth, result.these_tasks)
    of_a, of_b = (side.mean(axis=(0, 2)) for side in (a, b))
    whole = float(of_a.mean() - of_b.mean())
    _add(tallies["loops"], whole, 0.0, independent(of_a, of_b))
    _add(tallies["gains"], whole, 0.0, matched(of_a - of_b))


def _trained(rng: np.random.Generator, tasks: int, loops: int, spread: float) -> Array:
    """What trainings change, by task and replicate."""
    return spread * (rng.uniform(-1, 1, (1, loops)) + rng.uniform(-1, 1, (tasks, loops))) / 2


def _values(rng: np.random.Generator, chance: Array, draws: int, binary: bool) -> Array:
    shape = (*chance.shape, draws)
    wide = np.broadcast_to(chance[..., None], shape)
    return (rng.random(shape) < wide).astype(np.float64) if binary else rng.normal(wide, 0.3)


def _add(tally: Tally, estimate: float | None, truth: float, interval: Interval | None) -> None:
    if estimate is None or interval is None:
        tally.missing += 1
    else:
        tally.add(estimate - truth, interval.low - truth, interval.high - truth)
