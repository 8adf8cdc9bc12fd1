"""What is known of a mean, or of a difference of means, when some values are missing and only their range is known."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from scipy import special

from agentlab.stats.rows import codes_of


@dataclass(frozen=True, slots=True)
class Bounds:
    """A mean over what is there, and the least and the greatest it can be over everything."""

    observed: float | None
    """Mean over tasks of the means of the values that are there; None without any."""
    low: float
    high: float
    n: int
    missing: int


def bounds(values: ArrayLike, low: float, high: float, tasks: Sequence[Hashable] | None = None) -> Bounds:
    """The mean of `values`, shape (n,), with every NaN at `low`, then at `high` (Manski 1990, Am. Econ. Rev. 80, 319).

    With `tasks`, one per value, it is the mean of task means, so every task weighs the same; `observed` then leaves out
    tasks without any value. Raises ValueError for a value outside the range, as the bounds would be none.
    """
    x: NDArray[np.float64] = np.asarray(values, dtype=np.float64)
    low, high = min(low, high), max(low, high)
    there = ~np.isnan(x)
    if x.ndim != 1 or not len(x) or (tasks is not None and len(tasks) != len(x)):
        raise ValueError(f"values of shape {x.shape}: one value per row and at least one are needed")
    if np.any((x[there] < low) | (x[there] > high)):
        raise ValueError(f"a value lies outside the range from {low} to {high}")
    groups = _groups(tasks, len(x))
    seen = [x[rows][there[rows]].mean() for rows in groups if there[rows].any()]
    return Bounds(
        observed=float(np.mean(seen)) if seen else None,
        low=float(np.mean([np.where(there[rows], x[rows], low).mean() for rows in groups])),
        high=float(np.mean([np.where(there[rows], x[rows], high).mean() for rows in groups])),
        n=int(there.sum()),
        missing=int((~there).sum()),
    )


def identified_level(width: float, se: float, df: float, level: float = 0.95) -> float:
    """The level at which the intervals of two bounds, from the low end of the lower one to the high end of the upper
    one, cover at `level` a value that is known only to lie between them (Imbens & Manski 2004, Econometrica 72, 1845,
    eq. 7).

    `width` is that between the bounds, `se` the larger of their standard errors. With C the t quantile of that level,
    `T_df(C + width / se) - T_df(-C) = level`: it is `level` where the bounds meet and `2 level - 1` where they are far
    apart, since the value then can be missed on one side only. The bounds must be ordered by construction, as those
    that fill in missing values are; then it holds however near they are (Stoye 2009, Econometrica 77, 1299, lemma 3).
    Raises ValueError for a width or a standard error under 0.
    """
    if min(width, se) < 0:
        raise ValueError(f"width {width} and standard error {se}: neither is under 0")
    if width == 0 or se == 0:
        return level

    def excess(c: float) -> float:
        return float(special.stdtr(df, c + width / se) - special.stdtr(df, -c)) - level

    one_sided, two_sided = (float(special.stdtrit(df, share)) for share in (level, (1 + level) / 2))
    if excess(one_sided) >= 0:
        return 2 * level - 1
    if excess(two_sided) <= 0:  # but for rounding it is at least 0
        return level
    return 2 * float(special.stdtr(df, scipy.optimize.brentq(excess, one_sided, two_sided))) - 1


def tipping_point(distance: float, missing_a: float, missing_b: float) -> float | None:
    """How far the missing values' means must lie from the observed ones for a conclusion to turn, in outcome units.

    `distance` is how far the interval is from 0; `missing_a` and `missing_b` are the shares of an arm's values that are
    missing, averaged over tasks. If the missing values of the higher arm lie `delta` below those that are there, and
    those of the lower arm as far above, the difference shrinks by `delta (missing_a + missing_b)` (pattern mixtures;
    White, Carpenter & Horton 2012, Clin. Trials 9, 396; Cro et al. 2020, Stat. Med. 39, 2815). None without any.
    """
    share = missing_a + missing_b
    return None if share <= 0 else max(0.0, distance) / share


def difference(a: Bounds, b: Bounds) -> tuple[float, float]:
    """Least and greatest `a - b`: all of a's missing values at one end of the range, all of b's at the other."""
    return a.low - b.high, a.high - b.low


def _groups(tasks: Sequence[Hashable] | None, count: int) -> list[NDArray[np.intp]]:
    """The rows of each task, in order."""
    if tasks is None:
        return [np.arange(count)]
    codes = codes_of(tasks)
    return np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
