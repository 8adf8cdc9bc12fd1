"""Studies of contrasts by criterion: how often the intervals of all criteria of a judge hold at once."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentlab.analysis.contrasts.contrast import ALPHA
from agentlab.stats.contrasts.paired import paired
from agentlab.stats.interval import Interval

Array = NDArray[np.float64]
TASKS, DRAWS = (6, 10, 20), 4
CRITERIA = (2, 8)
Draw = Callable[[np.random.Generator, tuple[int, ...]], Array]


def _rounded(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Differences of scores from 1 to 5."""
    first, second = (np.clip(np.round(rng.normal(4, 1, shape)), 1, 5) for _ in range(2))
    return first - second


SCORES: Mapping[str, Draw] = {"normal": lambda rng, shape: rng.normal(size=shape), "points from 1 to 5": _rounded}
SHARED = (0.0, 0.9)
"""The share of the variance of a difference that all criteria have in common, as of a judge with a halo."""


def of_criteria(experiments: int, seed: int) -> list[dict[str, Any]]:
    """Experiments in which truly nothing differs and no interval, or some interval without adjustment, misses 0."""
    return [
        simultaneous(experiments, seed, tasks, criteria, shared, kind)
        for kind in SCORES
        for tasks in TASKS
        for criteria in CRITERIA
        for shared in SHARED
    ]


def simultaneous(experiments: int, seed: int, tasks: int, criteria: int, shared: float, kind: str) -> dict[str, Any]:
    """One setting: shares of the experiments in which all intervals cover, adjusted and not."""
    rng = np.random.default_rng([seed, 700, tasks, criteria, int(100 * shared), list(SCORES).index(kind)])
    names, held, draw = np.repeat(np.arange(tasks), DRAWS).tolist(), np.zeros(2), SCORES[kind]
    draws = np.tile(np.arange(DRAWS), tasks).tolist()
    for _ in range(experiments):
        own, common = draw(rng, (criteria, tasks, DRAWS)), draw(rng, (1, tasks, DRAWS))
        by_task = np.sqrt(shared) * rng.normal(size=(1, tasks, 1)) + np.sqrt(1 - shared) * rng.normal(
            size=(criteria, tasks, 1)
        )
        d = np.sqrt(shared) * common + np.sqrt(1 - shared) * own + 0.5 * by_task
        intervals = [
            paired(names, draws, part.ravel(), np.zeros(part.size), 1 - ALPHA / criteria).new_tasks for part in d
        ]
        held += [all(_covers(i) for i in intervals), all(i is None or i.p > ALPHA for i in intervals)]
    adjusted, alone = (round(float(n) / experiments, 4) for n in held)
    setting = f"{tasks} tasks, {criteria} criteria, {shared:.0%} shared, {kind}"
    return {"setting": setting, "all_cover": adjusted, "all_cover_without_adjustment": alone}


def _covers(interval: Interval | None) -> bool:
    return interval is None or interval.low <= 0 <= interval.high
