"""Limits of the variance of right-or-wrong scores: over draws of a task, and of one draw of a new task.

Such a score varies over draws by half of the chance that two draws of a task differ, which is estimated from all pairs
of draws. It has the limits of Clopper and Pearson for as many answers as its standard error over tasks is worth, and
for no more than there are pairs: draws that are right half of the time have pairs that differ independently, and all
others fewer. Most tasks vary nearly as much as they can and a few much less, so the lower limit reaches as far as that
of a skewed mean. The limits by leaving out one task at a time are too short where tasks happen to vary alike: with 8
tasks of 4 draws that are right in .6 they cover 74 %. The variance in all is `m (1 - m)` for a mean m.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agentlab.stats.arm_mean import StandardError, arm_mean, share_limits
from agentlab.stats.contrasts.paired import FEWEST_TASKS
from agentlab.stats.task_mean import task_mean

Limits = tuple[float, float]


@dataclass(frozen=True, slots=True)
class TwoValued:
    """Limits of two variances."""

    draw: Limits
    total: Limits


def two_valued(
    tasks: ArrayLike, values: ArrayLike, scale: tuple[float, float], clusters: ArrayLike | None = None
) -> TwoValued | None:
    """Of one value per draw, each at an end of `scale`; all of shape (N,). 95 % limits.

    None where a value lies between the ends, and under 6 tasks (or clusters) with two draws.
    """
    low, high = min(scale), max(scale)
    x, (labels, codes) = np.asarray(values, dtype=np.float64), np.unique(np.asarray(tasks), return_inverse=True)
    if low == high or not np.isin(x, (low, high)).all():
        return None
    right = (x == high).astype(np.float64)
    units = np.arange(len(labels)) if clusters is None else np.zeros(len(labels), dtype=np.intp)
    if clusters is not None:
        units[codes] = np.unique(np.asarray(clusters), return_inverse=True)[1]
    drawn = np.bincount(codes)
    if len(np.unique(units[drawn > 1])) < FEWEST_TASKS:
        return None
    mean = arm_mean(right, codes.tolist(), None if clusters is None else dict(enumerate(units.tolist()))).new_tasks
    if mean.low is None or mean.high is None:
        return None
    right_t = np.bincount(codes, right).astype(np.float64)
    differ = _differing(right_t[drawn > 1], drawn[drawn > 1], units[drawn > 1])
    square = (high - low) ** 2
    ends = [share * (1 - share) for share in (mean.low, mean.high)]
    most = 0.25 if mean.low <= 0.5 <= mean.high else max(ends)
    return TwoValued((square * differ[0] / 2, square * differ[1] / 2), (square * min(ends), square * most))


def _differing(right_t: NDArray[np.float64], draws_t: NDArray[np.intp], units_t: NDArray[np.intp]) -> Limits:
    """Of the chance that two draws of a task differ, with each task's weight in a pooled variance."""
    differ_t = 2 * right_t * (draws_t - right_t) / (draws_t * (draws_t - 1))
    weight_t = (draws_t - 1) / (draws_t - 1).mean()
    share = float((weight_t * differ_t).mean())
    units = np.unique(units_t, return_inverse=True)[1]
    over = task_mean(weight_t * (differ_t - share), units)
    spread, pairs = share * (1 - share), float((draws_t * (draws_t - 1) / 2).sum())
    if spread <= 0:  # one pair of a task at least says something of its own
        low, high = share_limits(share, float(units.max() + 1), 0.95)
    elif over.se <= 1e-12:
        low, high = share_limits(share, pairs, 0.95)
    else:
        low, high = share_limits(share, min(pairs, StandardError(over.se, over.df).worth(spread, 0.95)), 0.95)
        low = max(0.0, min(low, share + over.interval().low))
    return low, high
