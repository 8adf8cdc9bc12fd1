"""The jackknife-t: interval of a function of sums over tasks, such as a ratio of sums, leaving out a task at a time.

Where few tasks have most of the error, as those of an accurate model, the plain interval of a share misses too often.
So a share is taken in logits, where it cannot pass its ends, with the degrees of freedom of the few tasks that count
(Kish's effective number), and bent by the skewness that is left. Sources: Tukey (1958, Ann. Math. Stat. 29, 614); Efron
and Stein (1981, Ann. Stat. 9, 586-596); Kish (1965, Survey Sampling, 11.7); Hall (1992, J. R. Stat. Soc. B 54,
221-228) for the bend.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from agentlab.stats.contrasts.paired import FEWEST_TASKS
from agentlab.stats.estimate import Estimate
from agentlab.stats.rows import Floats, Ints
from agentlab.text import pluralize

Statistic = Callable[[Floats], Floats]
"""From sums over tasks, shape (..., K), to a number each, shape (...); NaN where it is undefined."""
Clusters = ArrayLike | None
"""Of each task, shape (G,), the cluster that it is drawn with; None where tasks are drawn one by one."""
MOST_BENT, MOST_TURNED = 0.3, 0.7
"""Largest skewness over sqrt(tasks), and that times t, that is believed: an unbounded bend makes intervals several
times as long."""
ALIKE = "no interval: all tasks are alike, so nothing shows how much new ones would differ"
END = 1e-9
"""A share this near to 0 or 1 is at its end but for rounding, and has no logit."""


@dataclass(frozen=True, slots=True)
class Left:
    """A number of all units, what it is without each of them, shape (U,), and Kish's effective number of units."""

    value: float
    without: Floats
    effective: float


def of_sums(terms: ArrayLike, statistic: Statistic, level: float = 0.95, clusters: Clusters = None) -> Estimate:
    """`g(S) ± t se` of `S = sum of terms`, shape (G, K), over G tasks, with G - 1 degrees of freedom.

    Pseudo-values `v_i = G g(S) - (G - 1) g(S - x_i)` give `se^2 = var(v) / G`. With `clusters`, shape (G,), one is left
    out at a time, and G is their number. None for the value where g is undefined; for the interval under 6 tasks, where
    g is undefined without some task, or where no task makes a difference.
    """
    x = clustered(terms, clusters)
    left = left_out(x, statistic)
    if isinstance(left, Estimate):
        return left
    half = margin(left.without, level)
    se = standard_error(left.without)
    return Estimate(left.value, left.value - half, left.value + half, se, len(x) - 1, None, len(x))


def share(
    terms: ArrayLike, level: float = 0.95, clusters: Clusters = None, weights: ArrayLike | None = None
) -> Estimate:
    """`quotient` of sums, shape (G, 2 or 3), as a share: limits by `z = log(g / (1 - g))`, turned back.

    They go from `z - se h(t)` to `z - se h(-t)`, as in `bent`, with `n - 1` degrees of freedom for the effective number
    `n = (sum w)^2 / sum w^2` of `weights`, shape (G,), else of the second sum's terms. No interval as in `of_sums`, and
    where the share is not between 0 and 1, with all tasks or without some one.
    """
    x = clustered(terms, clusters)
    counted = x[:, 1] if weights is None else clustered(np.asarray(weights)[:, None], clusters)[:, 0]
    left = left_out(x, quotient, counted)
    return left if isinstance(left, Estimate) else of_share(left, level)


def of_share(left: Left, level: float) -> Estimate:
    """The interval of `share` from what is left of it without each unit."""
    count = len(left.without)
    both = np.append(left.without, left.value)
    if both.min() <= END or both.max() >= 1 - END:
        end = "0" if both.min() <= END else "1"
        return missing(left.value, count, f"no interval: without some one task, if not with all, the share is {end}")
    df = max(1.0, left.effective - 1)
    parts = deviations(special.logit(left.without))
    low, high = (float(special.expit(end)) for end in bent(float(special.logit(left.value)), parts, df, level))
    few = (
        f"{pluralize(count, 'task')}, but a few have most of the error: equivalent to about {left.effective:.1f} tasks"
    )
    notes = (few,) if left.effective < count / 2 else ()
    return Estimate(left.value, low, high, standard_error(left.without), df, None, count, notes)


def left_out(x: Floats, statistic: Statistic, weights: Floats | None = None) -> Left | Estimate:
    """The statistic without each row of `x`; an Estimate with the reason where these allow no interval."""
    count, total = len(x), x.sum(axis=0)
    value = float(statistic(total))
    if not np.isfinite(value):
        return missing(None, count, "undefined: the errors do not sum to more than 0")
    if count < FEWEST_TASKS:
        reason = (
            f"{pluralize(count, 'task')}: too few for conclusions about new tasks (at least {FEWEST_TASKS} are needed)"
        )
        return missing(value, count, f"no interval: {reason}")
    without: Floats = statistic(total - x)
    if not np.isfinite(without).all():
        return missing(value, count, "no interval: without some one task, the result is undefined")
    if standard_error(without) <= 1e-12 * max(1.0, float(np.abs(without).max())):
        return missing(value, count, ALIKE)
    w = np.ones(count) if weights is None else weights
    return Left(value, without, float(w.sum() ** 2 / (w**2).sum()))


def clustered(terms: ArrayLike, clusters: Clusters) -> Floats:
    """Terms, shape (G, K), summed over the tasks of each cluster. Raises ValueError for what is no finite table."""
    x: Floats = np.asarray(terms, dtype=np.float64)
    if x.ndim != 2 or not len(x) or not np.isfinite(x).all():
        raise ValueError(f"terms of shape {x.shape}: finite numbers of shape (tasks, sums) are needed")
    if clusters is None:
        return x
    _, codes = np.unique(np.asarray(clusters), return_inverse=True)
    summed = np.zeros((int(codes.max()) + 1, x.shape[1]))
    np.add.at(summed, codes.reshape(-1), x)
    return summed


def deviations(without: Floats, strata: Ints | None = None) -> Floats:
    """`sqrt((n - 1) / n) (m - without)`, shape (U,), m and n within strata; their squares sum to `se^2`."""
    codes = np.zeros(len(without), dtype=np.intp) if strata is None else strata
    n = np.bincount(codes)[codes]
    mean = (np.bincount(codes, without) / np.maximum(np.bincount(codes), 1))[codes]
    return np.sqrt((n - 1) / n) * (mean - without)


def bent(value: float, parts: Floats, df: float, level: float) -> tuple[float, float]:
    """From `value - se h(t)` to `value - se h(-t)`, `h(t) = 3 ((1 + c (t - c/6))^(1/3) - 1) / c`, t on `df`.

    `parts` are `deviations`, of which c is the skewness over the root of their number, at most .3 and at most .7/t.
    """
    se, t, n = float((parts @ parts) ** 0.5), float(special.stdtrit(df, (1 + level) / 2)), len(parts)
    # deviations have the mean 0, so these are their central moments; the factor takes out the bias of few
    skewness = (n * (n - 1)) ** 0.5 / (n - 2) * float((parts**3).mean()) / (se**2 / n) ** 1.5 if se > 0 else 0.0
    most = min(MOST_BENT, MOST_TURNED / max(t, 1.0))
    c = min(max(skewness / n**0.5, -most), most)
    return value - se * _bend(t, c), value - se * _bend(-t, c)


def _bend(t: float, c: float) -> float:
    """`h(t)`; for a smaller c the cube root would only lose digits."""
    return t if abs(c) < 1e-6 else 3 * (math.cbrt(1 + c * (t - c / 6)) - 1) / c


def standard_error(without: Floats) -> float:
    """`sqrt(var(v) / G)` of the pseudo-values, from what is found without each task, shape (G,)."""
    return float((len(without) - 1) * without.std(ddof=1)) / len(without) ** 0.5


def margin(without: Floats, level: float) -> float:
    """`t se` with G - 1 degrees of freedom: half the width of the plain interval."""
    return float(special.stdtrit(len(without) - 1, (1 + level) / 2)) * standard_error(without)


def missing(value: float | None, tasks: int, note: str) -> Estimate:
    """A value without an interval, or not even a value, and why."""
    return Estimate(value, n=tasks, notes=(note,))


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
    value, se, df = difference.value, difference.se, difference.df
    if value is None or se is None or df is None:
        return difference
    return replace(difference, p=2 * float(special.stdtr(df, -abs(value) / se)))
