"""How well ratings agree beyond chance: Cohen's kappa, Krippendorff's alpha and Gwet's AC1, each with raw agreement.

All are `1 - observed / expected` disagreement, sums over units, so that leaving out a cluster is a subtraction; the
interval is the jackknife's, with t on one degree of freedom less than there are clusters. That subtraction is why they
are written out: libraries give the coefficient alone, and asking one anew for every cluster takes quadratic time.
Sources: Cohen (1960, 1968);
Krippendorff (2011, Computing Krippendorff's Alpha-Reliability); Gwet (2008, Br. J. Math. Stat. Psychol. 61, 29-48).
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agentlab.stats.jackknife import margin

Array = NDArray[np.float64]
Codes = NDArray[np.intp]
Weights = Literal["none", "linear", "quadratic"]
TINY = 1e-12
"""A share of the whole under which a sum of squares is rounding."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """A coefficient: 1 is perfect, 0 what chance gives. None where it cannot be had, and `note` says why."""

    value: float | None
    low: float | None
    high: float | None
    raw: float | None
    """Share of the pairs of ratings of one unit that are equal, mean over units; weights do not enter."""
    units: int
    """Units with two ratings or more."""
    ratings: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often each value of a met each value of b: `counts[i][j]` for `values[i]` and `values[j]`."""

    values: tuple[float, ...]
    counts: tuple[tuple[int, ...], ...]


def kappa(
    a: ArrayLike,
    b: ArrayLike,
    weights: Weights = "none",
    clusters: Sequence[Hashable] | None = None,
    level: float = 0.95,
) -> Agreement:
    """Cohen's kappa of two raters' values of the same units, shapes (units,), NaN where one gave none.

    `1 - n sum_i w(a_i, b_i) / (A' w B)` with the raters' counts A and B; w is 1 for unequal values (none), or their
    distance (linear) or its square (quadratic) as numbers. Raises ValueError for infinite values or unequal shapes.
    """
    x, y = _values(a), _values(b)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"two raters' values of the same units have one shape (units,), not {x.shape} and {y.shape}")
    both = ~(np.isnan(x) | np.isnan(y))
    groups = _clusters(clusters, both)
    values, codes = np.unique(np.concatenate([x[both], y[both]]), return_inverse=True)
    n = int(both.sum())
    if not n:
        return Agreement(None, None, None, None, 0, 0, "no unit was rated by both")
    first, second = codes[:n], codes[n:]
    gaps = np.abs(values[:, None] - values[None, :])
    w = (gaps > 0).astype(float) if weights == "none" else gaps if weights == "linear" else gaps**2
    a_gk, b_gk = _counts(groups, first, len(values)), _counts(groups, second, len(values))
    d_g, n_g = np.bincount(groups, w[first, second]), np.bincount(groups)
    expected = _bilinear(a_gk.sum(0)[None], w, b_gk.sum(0)[None])[0]
    plain = Agreement(None, None, None, float((first == second).mean()), n, 2 * n)
    if expected <= 0:
        return replace(plain, note="both raters always gave the same value, so chance alone would agree as well")
    left = 1 - _divided((n - n_g) * (d_g.sum() - d_g), _bilinear(a_gk.sum(0) - a_gk, w, b_gk.sum(0) - b_gk))
    agreement = _jackknifed(plain, 1 - n * float(d_g.sum()) / float(expected), left, level)
    if min(len(np.unique(first)), len(np.unique(second))) == 1:
        why = "one rater always gave the same value, so kappa is 0 whatever the other gave"
        return replace(agreement, low=None, high=None, note=why)
    return agreement


def alpha(ratings: ArrayLike, clusters: Sequence[Hashable] | None = None, level: float = 0.95) -> Agreement:
    """Krippendorff's alpha, on an interval scale, of `ratings`, shape (units, raters), NaN where a rater gave none.

    `1 - (n - 1) sum_u 2 (m_u q_u - s_u^2) / (m_u - 1) / 2 (n q - s^2)`: m_u ratings of unit u with the sum s_u and the
    sum of squares q_u, and n, s and q of all units. The numerator's terms are the squared differences of every ordered
    pair of a unit, the denominator's of every ordered pair.
    """
    v_uk, values, groups = _units(ratings, clusters)
    plain = _plain(v_uk)
    if not len(v_uk):
        return replace(plain, note="no unit has two ratings")
    if len(values) == 1:
        return replace(plain, note="all ratings are the same, so chance alone would agree as well")
    centred = values - values.mean()  # the differences stay, and squares lose no digits
    m_u, s_u, q_u = v_uk.sum(1), v_uk @ centred, v_uk @ centred**2
    pairs_u = 2 * (m_u * q_u - s_u**2) / (m_u - 1)
    n, s, q, observed = (_rests(np.bincount(groups, x_u)) for x_u in (m_u, s_u, q_u, pairs_u))
    expected = 2 * (n * q - s**2)
    expected = np.where(expected > TINY * expected[0], expected, 0.0)
    theta = 1 - _divided((n - 1) * observed, expected)
    return _jackknifed(plain, float(theta[0]), theta[1:], level)


def ac1(
    ratings: ArrayLike, categories: int | None = None, clusters: Sequence[Hashable] | None = None, level: float = 0.95
) -> Agreement:
    """Gwet's AC1, `(p - e) / (1 - e)`: it stays up where one category is frequent and kappa sinks.

    p is raw agreement, `e = sum_k q_k (1 - q_k) / (K - 1)` with q the mean over units, those with one rating too, of
    the shares of category k. `ratings` as for `alpha`; `categories` is K, by default the number of values that occur.
    """
    v_uk, values, groups = _units(ratings, clusters, least=1)
    m_u = v_uk.sum(1)
    several, most = m_u >= 2, max(categories or 0, len(values))
    plain = _plain(v_uk[several])
    if not several.any() or most < 2:
        return replace(plain, note="there is only one category" if several.any() else "no unit has two ratings")
    v_sk, m_s, width = v_uk[several], m_u[several], int(groups.max()) + 1
    agreed_g = np.bincount(groups[several], (v_sk * (v_sk - 1)).sum(1) / (m_s * (m_s - 1)), width)
    agreed = _divided(_rests(agreed_g), _rests(np.bincount(groups[several], minlength=width)))
    q = _rests(_sums(groups, v_uk / m_u[:, None])) / np.maximum(_rests(np.bincount(groups)), 1)[:, None]
    chance = (q * (1 - q)).sum(1) / (most - 1)
    theta = 1 - _divided(1 - agreed, 1 - chance)
    return _jackknifed(plain, float(theta[0]), theta[1:], level)


def confusion(a: ArrayLike, b: ArrayLike) -> Confusion:
    """The table of two raters' values of the same units, shapes (units,); units with a missing value are left out."""
    x, y = _values(a), _values(b)
    both = ~(np.isnan(x) | np.isnan(y))
    values, codes = np.unique(np.concatenate([x[both], y[both]]), return_inverse=True)
    table = _counts(codes[: int(both.sum())], codes[int(both.sum()) :], len(values), len(values)).astype(int)
    return Confusion(tuple(map(float, values)), tuple(tuple(map(int, row)) for row in table))


def _bilinear(a: Array, w: Array, b: Array) -> Array:
    """`a_i' w b_i` for every row i."""
    return np.asarray(((a @ w) * b).sum(1), dtype=np.float64)


def _plain(v_uk: Array) -> Agreement:
    m_u = v_uk.sum(1)
    raw = float(((v_uk * (v_uk - 1)).sum(1) / (m_u * (m_u - 1))).mean()) if len(v_uk) else None
    return Agreement(None, None, None, raw, len(v_uk), int(m_u.sum()))


def _units(ratings: ArrayLike, clusters: Sequence[Hashable] | None, least: int = 2) -> tuple[Array, Array, Codes]:
    """Counts by unit and value, of units with so many ratings or more; the values; the units' clusters from 0 up."""
    x = _values(ratings)
    if x.ndim != 2:
        raise ValueError(f"ratings have the shape (units, raters), not {x.shape}")
    kept = (~np.isnan(x)).sum(1) >= least
    units, raters = np.nonzero(~np.isnan(x[kept]))
    values, codes = np.unique(x[kept][units, raters], return_inverse=True)
    return _counts(units, codes, len(values), int(kept.sum())), values, _clusters(clusters, kept)


def _jackknifed(plain: Agreement, value: float, left: Array, level: float) -> Agreement:
    """The plain interval over clusters, not above 1."""
    agreement, count = replace(plain, value=value), len(left)
    if count < 2:
        return replace(agreement, note="no interval: all units belong to one cluster")
    if not np.isfinite(left).all():
        return replace(agreement, note="no interval: without one of the clusters, agreement is undefined")
    if np.ptp(left) <= TINY:
        return replace(agreement, note="no interval: agreement is the same in every cluster")
    half = margin(left, level)
    return replace(agreement, low=value - half, high=min(value + half, 1.0))


def _divided(top: Array, bottom: Array) -> Array:
    """NaN where the divisor is 0."""
    return np.divide(top, bottom, out=np.full(np.broadcast(top, bottom).shape, np.nan), where=bottom != 0)


def _rests(by_group: NDArray[Any]) -> Array:
    """First the total over groups, then the total without each group."""
    total = by_group.sum(0)
    return np.concatenate([total[None], total - by_group])


def _sums(groups: Codes, rows: Array) -> Array:
    """Rows summed by group, shape (groups, columns)."""
    total = np.zeros((int(groups.max(initial=-1)) + 1, rows.shape[1]))
    np.add.at(total, groups, rows)
    return total


def _counts(rows: Codes, columns: Codes, width: int, height: int | None = None) -> Array:
    """How often each pair of codes occurs."""
    counts = np.zeros((int(rows.max(initial=-1)) + 1 if height is None else height, width))
    np.add.at(counts, (rows, columns), 1.0)
    return counts


def _clusters(clusters: Sequence[Hashable] | None, kept: NDArray[np.bool_]) -> Codes:
    """Clusters of the kept units, numbered from 0; every unit is one by itself where none are given."""
    if clusters is None:
        return np.arange(int(kept.sum()), dtype=np.intp)
    if len(clusters) != len(kept):
        raise ValueError(f"{len(clusters)} clusters for {len(kept)} units: one for each is right")
    known: dict[Hashable, int] = {}
    codes = [known.setdefault(name, len(known)) for name, there in zip(clusters, kept, strict=True) if there]
    return np.array(codes, dtype=np.intp)


def _values(given: ArrayLike) -> Array:
    x: Array = np.asarray(given, dtype=np.float64)
    if np.isinf(x).any():
        raise ValueError("a rating is infinite; NaN stands for a missing one")
    return x
