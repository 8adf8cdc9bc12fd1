"""The jackknife-t: interval of a function of sums over tasks, such as a ratio of sums, leaving out a task at a time.

Sources: Tukey (1958, Ann. Math. Stat. 29, 614); Efron and Stein (1981, Ann. Stat. 9, 586-596). With few tasks a
percentile bootstrap is too short, so there is none here.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from agentlab.stats.paired import FEWEST_TASKS
from agentlab.stats.rows import Floats

Statistic = Callable[[Floats], Floats]
"""From sums over tasks, shape (..., K), to a number each, shape (...); NaN where it is undefined."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number over a set of tasks, with its interval for tasks like these. None is said why in `notes`."""

    value: float | None
    low: float | None
    high: float | None
    se: float | None
    df: int | None
    p: float | None
    """Two-sided, of no difference; None for what is not a difference."""
    tasks: int
    notes: tuple[str, ...] = ()


def of_sums(terms: ArrayLike, statistic: Statistic, level: float = 0.95) -> Estimate:
    """`g(S) ± t_(G-1) se` for `S = sum of terms`, shape (G, K), over G tasks, with
    `se² = (G - 1)/G sum_i (g(S - x_i) - their mean)²`.

    None for the value where g is undefined; for the interval under 6 tasks, where g is undefined without some task,
    or where no task makes a difference.
    """
    x: Floats = np.asarray(terms, dtype=np.float64)
    if x.ndim != 2 or not len(x) or not np.isfinite(x).all():
        raise ValueError(f"terms of shape {x.shape}: finite numbers of shape (tasks, sums) are needed")
    count, total = len(x), x.sum(axis=0)
    value = float(statistic(total))
    if not np.isfinite(value):
        return Estimate(None, None, None, None, None, None, count, ("undefined: the errors do not sum to more than 0",))
    if count < FEWEST_TASKS:
        why = f"no interval: {count} tasks, and nothing is claimed beyond them, which takes {FEWEST_TASKS}"
        return Estimate(value, None, None, None, None, None, count, (why,))
    without: Floats = statistic(total - x)
    if not np.isfinite(without).all():
        why = "no interval: one task has all the error, and without it the number is undefined"
        return Estimate(value, None, None, None, None, None, count, (why,))
    se = float(np.sqrt((count - 1) / count * ((without - without.mean()) ** 2).sum()))
    if se <= 1e-12 * max(1.0, float(np.abs(without).max())):
        why = "no interval: leaving out any one task changes nothing"
        return Estimate(value, None, None, None, None, None, count, (why,))
    margin = float(special.stdtrit(count - 1, (1 + level) / 2)) * se
    return Estimate(value, value - margin, value + margin, se, count - 1, None, count)


def ratio(top_t: ArrayLike, bottom_t: ArrayLike, level: float = 0.95) -> Estimate:
    """`sum top / sum bottom` over tasks, both of shape (G,), undefined unless the bottom sums to more than 0."""
    return of_sums(np.stack([np.asarray(top_t), np.asarray(bottom_t)], axis=-1), quotient, level)


def quotient(sums: Floats) -> Floats:
    """First sum over the second, NaN unless the second is above 0 or, where there is a third, above that one."""
    least = sums[..., 2] if sums.shape[-1] > 2 else 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(sums[..., 1] > least, sums[..., 0] / sums[..., 1], np.nan)


def tested(difference: Estimate) -> Estimate:
    """The same with the p-value of no difference, `2 P(T_df > |value| / se)`."""
    if difference.value is None or not difference.se or difference.df is None:
        return difference
    p = 2 * float(special.stdtr(difference.df, -abs(difference.value) / difference.se))
    return replace(difference, p=p)
