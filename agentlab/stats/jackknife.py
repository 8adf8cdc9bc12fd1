"""The jackknife-t: interval of a function of sums over tasks, such as a ratio of sums, leaving out a task at a time.

Where few tasks have most of the error, as those of an accurate model, the plain interval of a share misses too often.
So a share is taken in logits, where it cannot pass its ends, with the degrees of freedom of the few tasks that count
(Kish's effective number), and bent by the skewness that is left. A difference of two ratios is close to symmetric and
stays plain. Sources: Tukey (1958, Ann. Math. Stat. 29, 614); Efron and Stein (1981, Ann. Stat. 9, 586-596); Kish (1965,
Survey Sampling, 11.7); Hall (1992, J. R. Stat. Soc. B 54, 221-228) for the bend.
"""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from agentlab.stats.contrasts.paired import FEWEST_TASKS
from agentlab.stats.estimate import Estimate
from agentlab.stats.rows import Floats
from agentlab.text import pluralize

Statistic = Callable[[Floats], Floats]
"""From sums over tasks, shape (..., K), to a number each, shape (...); NaN where it is undefined."""
MOST_BENT = 0.3
"""Largest skewness over sqrt(tasks) that is believed: an unbounded bend makes intervals several times as long."""


def of_sums(terms: ArrayLike, statistic: Statistic, level: float = 0.95, share: bool = False) -> Estimate:
    """`g(S) ± t se` of `S = sum of terms`, shape (G, K), over G tasks, with G - 1 degrees of freedom.

    Pseudo-values `v_i = G g(S) - (G - 1) g(S - x_i)` give `se^2 = var(v) / G`. Where g is a `share` of the second sum,
    the same is done with `z = log(g / (1 - g))` and turned back: from `z - se h(t)` to `z - se h(-t)`, with `n - 1`
    degrees of freedom for `n = (sum x)^2 / sum x^2` of the second sum, `h(t) = 3 ((1 + c (t - c/6))^(1/3) - 1) / c`,
    and c the skewness of the pseudo-values over sqrt(G), at most .3; plain, unless g is between 0 and 1 without any one
    task. None for the value where g is undefined; for the interval under 6 tasks, where g is undefined without some
    task, or where no task makes a difference.
    """
    x: Floats = np.asarray(terms, dtype=np.float64)
    if x.ndim != 2 or not len(x) or not np.isfinite(x).all():
        raise ValueError(f"terms of shape {x.shape}: finite numbers of shape (tasks, sums) are needed")
    count, total = len(x), x.sum(axis=0)
    value = float(statistic(total))
    if not np.isfinite(value):
        return missing(None, count, "undefined: the errors do not sum to more than 0")
    if count < FEWEST_TASKS:
        told = (
            f"no interval: {pluralize(count, 'task')}, and nothing is claimed beyond them, which takes {FEWEST_TASKS}"
        )
        return missing(value, count, told)
    without: Floats = statistic(total - x)
    if not np.isfinite(without).all():
        return missing(value, count, "no interval: one task has all the error, and without it nothing is defined")
    if standard_error(without) <= 1e-12 * max(1.0, float(np.abs(without).max())):
        return missing(value, count, "no interval: leaving out any one task changes nothing")
    if not (share and 0 < value < 1 and (without > 0).all() and (without < 1).all()):
        half = margin(without, level)
        return Estimate(value, value - half, value + half, standard_error(without), count - 1, None, count)
    return _share(x[:, 1], value, without, level)


def _share(weights: Floats, value: float, without: Floats, level: float) -> Estimate:
    count, z, logits = len(weights), float(special.logit(value)), special.logit(without)
    effective = float(weights.sum() ** 2 / (weights**2).sum())
    df, se = max(1.0, effective - 1), standard_error(logits)
    c = float(np.clip(stats.skew(-logits, bias=False) / count**0.5, -MOST_BENT, MOST_BENT))
    t = float(special.stdtrit(df, (1 + level) / 2))
    low, high = (float(special.expit(z - se * _bend(end, c))) for end in (t, -t))
    few = f"{pluralize(count, 'task')}, but a few have most of the error: worth about {effective:.1f}"
    return Estimate(value, low, high, standard_error(without), df, None, count, (few,) if effective < count / 2 else ())


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
