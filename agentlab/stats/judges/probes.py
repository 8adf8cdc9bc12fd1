"""What besides worth moves a judge: position, length, kinship, formatting, another version of itself.

All are means or slopes with t on one degree of freedom less than there are clusters (tasks). None of them corrects
anything: a length that the arm itself made comes after treatment, and taking it out takes part of the effect out.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agentlab.stats.estimate import Estimate
from agentlab.stats.interval import t_interval
from agentlab.stats.rows import ranks

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Position:
    """What two orders of the same pair say of the judge. A win in the first place counts 1, a tie half."""

    first: Estimate
    """First-place score less one half, over both orders: 0 without a preference for a place."""
    consistent: Estimate
    """Share of pairs with the same verdict in both orders."""
    flips: tuple[int, int]
    """Pairs in which the first place won both times, and in which the second did."""


@dataclass(frozen=True, slots=True)
class Shift:
    """Two scorings of the same texts: another version of a judge, or the same texts without their formatting."""

    mean: Estimate
    """Second less first, mean over clusters of the clusters' means."""
    equal: float | None
    """Share of texts with the same score."""
    rank: float | None
    """Spearman's rank correlation; None where either does not vary."""


def slope(y: ArrayLike, x: ArrayLike, clusters: Sequence[Hashable], level: float = 0.95) -> Estimate:
    """`b = sum x'y' / sum x'^2` with x' and y' centred within clusters: by how much y grows with x among like texts.

    With x the logarithm of the length it is the change of a score for a text e times as long; with x = 1 where judge
    and system are of one family and y the judge's score less people's, it is self-preference. The error is the cluster
    sandwich `G/(G - 1) sum_g (sum x' e)^2 / (sum x'^2)^2`. Shapes (n,); rows with NaN are left out.
    """
    a, b, codes = _complete(y, x, clusters)
    count = len(np.unique(codes))
    b = b - _means(codes, b)[codes]
    spread = float(b @ b)
    if spread <= 1e-12:
        return Estimate(None, n=count, notes=("undefined: it does not vary within any task or cluster",))
    a = a - _means(codes, a)[codes]
    value = float(a @ b) / spread
    sums = np.bincount(codes, b * (a - value * b))
    active = len(np.unique(codes[b != 0]))
    if active < 2:
        return Estimate(value, n=count, notes=("no interval: it varies within one task or cluster only",))
    return _estimate(value, float(sums @ sums) / spread**2 * active / (active - 1), active, level)


def mean(values: ArrayLike, clusters: Sequence[Hashable], level: float = 0.95) -> Estimate:
    """Mean over clusters of their means, `se = sd / sqrt(G)`; shape (n,), NaN left out."""
    x, _, codes = _complete(values, values, clusters)
    if not len(x):
        return Estimate(None, notes=("no values",))
    means = _means(codes, x)
    if len(means) < 2:
        return Estimate(float(means[0]), n=1, notes=("no interval: one cluster",))
    return _estimate(float(means.mean()), float(means.var(ddof=1)) / len(means), len(means), level)


def position(forward: ArrayLike, backward: ArrayLike, clusters: Sequence[Hashable], level: float = 0.95) -> Position:
    """Of pairs judged in both orders, shapes (pairs,): how the first of the pair did when shown first, and second.

    1 is a win, 0.5 a tie, 0 a loss, else ValueError; a pair with NaN is left out.
    """
    shown_first, shown_second, codes = _complete(forward, backward, clusters)
    if not np.isin(np.concatenate([shown_first, shown_second]), (0.0, 0.5, 1.0)).all():
        raise ValueError("an outcome is 1 (won), 0.5 (a tie) or 0 (lost)")
    names = codes.tolist()
    places = (shown_first + (1 - shown_second)) / 2 - 0.5
    flips = int(((shown_first == 1) & (shown_second == 0)).sum()), int(((shown_first == 0) & (shown_second == 1)).sum())
    return Position(mean(places, names, level), mean((shown_first == shown_second).astype(float), names, level), flips)


def shift(first: ArrayLike, second: ArrayLike, clusters: Sequence[Hashable], level: float = 0.95) -> Shift:
    """How the second scores of the same texts differ from the first, shapes (n,); texts with NaN are left out."""
    before, after, codes = _complete(first, second, clusters)
    moved = mean(after - before, codes.tolist(), level)
    if not len(before):
        return Shift(moved, None, None)
    varied = len(before) > 2 and np.ptp(before) > 0 and np.ptp(after) > 0
    rank = float(np.corrcoef(ranks(before), ranks(after))[0, 1]) if varied else None
    return Shift(moved, float(np.isclose(before, after, rtol=0, atol=1e-9).mean()), rank)


def _estimate(value: float, variance: float, clusters: int, level: float) -> Estimate:
    if variance <= 1e-24 * max(1.0, value**2):
        return Estimate(value, n=clusters, notes=("no interval: all clusters give the same value",))
    interval = t_interval(value, variance**0.5, clusters - 1, level)
    return Estimate(value, interval.low, interval.high, interval.se, interval.df, interval.p, clusters)


def _complete(y: ArrayLike, x: ArrayLike, clusters: Sequence[Hashable]) -> tuple[Array, Array, NDArray[np.intp]]:
    """Both without the rows in which either is NaN, and their clusters, numbered from 0."""
    a, b = np.asarray(y, dtype=np.float64), np.asarray(x, dtype=np.float64)
    if a.ndim != 1 or not a.shape == b.shape == (len(clusters),):
        raise ValueError(f"values and clusters have one length, not {a.shape}, {b.shape} and {len(clusters)}")
    if np.isinf(a).any() or np.isinf(b).any():
        raise ValueError("a value is infinite; NaN stands for a missing one")
    kept = ~(np.isnan(a) | np.isnan(b))
    known: dict[Hashable, int] = {}
    codes = [known.setdefault(name, len(known)) for name, there in zip(clusters, kept, strict=True) if there]
    return a[kept], b[kept], np.array(codes, dtype=np.intp)


def _means(codes: NDArray[np.intp], values: Array) -> Array:
    return np.bincount(codes, values) / np.bincount(codes)
