"""Studies of what a contrast takes from a file of rows: sorted rows without named draws, and refusals of failures."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentlab.analysis.contrasts.difference import ArmValues
from agentlab.analysis.contrasts.missing import missing_values
from agentlab.stats.contrasts.paired import paired
from agentlab.stats.contrasts.unpaired import unpaired
from agentlab.stats.interval import Interval

Array = NDArray[np.float64]
SIZES = ((8, 10, 10), (8, 10, 5), (3, 10, 10), (12, 3, 3))
"""Tasks, and draws of either arm."""
DECLINED = (1.0, 0.3, 0.05)
"""Shares of its failures that an arm declines."""


def of_rows(experiments: int, seed: int) -> list[dict[str, Any]]:
    """False alarms where rows are sorted and truly nothing differs, within tasks, and as pairs by the order of rows."""
    rows: list[dict[str, Any]] = []
    for binary in (True, False):
        for tasks, draws_a, draws_b in SIZES:
            rng, alarms = np.random.default_rng([seed, 500, tasks, draws_b, binary]), np.zeros(4)
            for _ in range(experiments):
                chance = rng.uniform(0.2, 0.8, (tasks, 1))
                a, b = (np.sort(_values(rng, chance, n, binary), axis=1) for n in (draws_a, draws_b))
                names = tuple(np.repeat(np.arange(tasks), n).tolist() for n in (draws_a, draws_b))
                apart = unpaired((names[0], names[1]), (a.ravel(), b.ravel()))
                least = min(draws_a, draws_b)
                places = np.repeat(np.arange(tasks), least).tolist(), np.tile(np.arange(least), tasks).tolist()
                by_order = paired(*places, a[:, :least].ravel(), b[:, :least].ravel())
                intervals = (apart.these_tasks, apart.new_tasks, by_order.these_tasks, by_order.new_tasks)
                alarms += [_rejects(interval) for interval in intervals]
            names = ("these tasks", "new tasks", "these tasks by order", "new tasks by order")
            shares = {key: round(float(n) / experiments, 4) for key, n in zip(names, alarms, strict=True)}
            kind = "right or wrong" if binary else "normal scores"
            rows.append({"setting": f"{tasks} tasks, {draws_a} and {draws_b} draws, {kind}", "false_alarms": shares})
    return rows


def of_missing(experiments: int, seed: int) -> list[dict[str, Any]]:
    """Arms right in half of 8 x 10 draws, of which one declines failures: who is taken to be higher, by what is there
    and with the bounds, and how often the interval of the bounds holds the truth, 0."""
    rows: list[dict[str, Any]] = []
    for i, declined in enumerate(DECLINED):
        rng, counts = np.random.default_rng([seed, 600, i]), np.zeros(3)
        for _ in range(experiments):
            chance = 0.5 + rng.uniform(-0.15, 0.15, (8, 1))
            a, b = _values(rng, chance, 10, True), _values(rng, chance, 10, True)
            gone = (a == 0) & (rng.random(a.shape) < declined)
            arms = _arms(np.where(gone, np.nan, a), b, ~gone)
            result = arms.difference(0.95)
            missing = missing_values(arms, result, 0.95)
            assert missing is not None
            higher = _rejects(result.new_tasks) and (result.difference or 0) > 0
            whole = result.tested
            assert whole is not None
            low, high = missing.interval or (whole.low, whole.high)
            counts += [higher, higher and not missing.contradicts(1.0), low <= 0 <= high]
        names = ("a higher by the scores that are there", "a higher", "bounds cover")
        shares = {key: round(float(n) / experiments, 4) for key, n in zip(names, counts, strict=True)}
        rows.append({"setting": f"{declined:.0%} of failures declined", **shares})
    return rows


def _arms(a: Array, b: Array, delivered: NDArray[np.bool_]) -> ArmValues:
    tasks, draws = len(a), len(a[0])
    names = np.repeat(np.arange(tasks), draws).astype(str).tolist()
    places = [(draw,) for _ in range(tasks) for draw in range(draws)]
    done = delivered.ravel(), np.ones(a.size, dtype=bool)
    return ArmValues(True, (names, names), places, (a.ravel(), b.ravel()), done, 0, (0.0, 1.0), {})


def _values(rng: np.random.Generator, chance: Array, draws: int, binary: bool) -> Array:
    shape = (len(chance), draws)
    return (rng.random(shape) < chance).astype(np.float64) if binary else rng.normal(chance, 0.3, shape)


def _rejects(interval: Interval | None) -> bool:
    return interval is not None and interval.p <= 0.05
