"""What besides worth moves a judge: position, length, kinship, formatting, another version of itself.

All are means over tasks or slopes within tasks. Tasks may come in clusters that share a source, which are then what is
independent; `clusters` maps a task to its cluster. None corrects anything: a length that the arm itself made comes
after treatment, and taking it out takes part of the effect out.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agentlab.stats.estimate import Estimate
from agentlab.stats.interval import Interval, t_interval
from agentlab.stats.rows import codes_of, ranks
from agentlab.stats.task_mean import freedom, task_mean

Array = NDArray[np.float64]
Codes = NDArray[np.intp]
Clusters = Mapping[Any, Hashable] | None


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
    """Second less first, mean over tasks of the tasks' means."""
    equal: float | None
    """Share of texts with the same score."""
    rank: float | None
    """Spearman's rank correlation; None where either does not vary."""


def slope(
    y: ArrayLike, x: ArrayLike, tasks: Sequence[Hashable], clusters: Clusters = None, level: float = 0.95
) -> Estimate:
    """`b = sum x'y' / sum x'^2` with x' and y' centred within tasks: by how much y grows with x among like texts.

    With x the logarithm of the length it is the change of a score for a text e times as long; with x = 1 where judge
    and system are of one family and y the judge's score less people's, it is self-preference. The error is CR2:
    with `h_c` the share of `sum x'^2` in cluster c, `se^2 = sum_c (sum x' e)^2 / (1 - h_c) / (sum x'^2)^2`, with the
    degrees of freedom of Bell and McCaffrey (2002). Shapes (n,); rows with NaN are left out.
    """
    a, b, codes, unit_t = _complete(y, x, tasks, clusters)
    count = len(np.unique(unit_t))
    b = b - _means(codes, b)[codes]
    spread = float(b @ b)
    if spread <= 1e-12:
        return Estimate(None, n=count, notes=("undefined: it does not vary within any task or cluster",))
    a = a - _means(codes, a)[codes]
    value = float(a @ b) / spread
    units = unit_t[codes]
    sums, squares = np.bincount(units, b * (a - value * b)), np.bincount(units, b * b).astype(np.float64)
    if squares.max() > (1 - 1e-12) * spread:
        return Estimate(value, n=count, notes=("no interval: it varies within one task or cluster only",))
    se = float(np.sqrt((sums**2 / (1 - squares / spread)).sum())) / spread
    if _settled(value, se):
        return Estimate(value, n=count, notes=(_SETTLED,))
    return _estimate(value, t_interval(value, se, freedom(squares), level), int((squares > 0).sum()))


def mean(values: ArrayLike, tasks: Sequence[Hashable], clusters: Clusters = None, level: float = 0.95) -> Estimate:
    """Mean over tasks of their means, with the interval of a contrast (`task_mean`); shape (n,), NaN left out."""
    x, _, codes, unit_t = _complete(values, values, tasks, clusters)
    if not len(x):
        return Estimate(None, notes=("no values",))
    means, count = _means(codes, x), len(np.unique(unit_t))
    if count < 2:
        return Estimate(float(means.mean()), n=1, notes=("no interval: one cluster",))
    over_tasks = task_mean(means, unit_t)
    if _settled(over_tasks.value, over_tasks.se):
        return Estimate(over_tasks.value, n=count, notes=(_SETTLED,))
    return _estimate(over_tasks.value, over_tasks.interval(level), count)


def position(
    forward: ArrayLike, backward: ArrayLike, tasks: Sequence[Hashable], clusters: Clusters = None, level: float = 0.95
) -> Position:
    """Of pairs judged in both orders, shapes (pairs,): how the first of the pair did when shown first, and second.

    1 is a win, 0.5 a tie, 0 a loss, else ValueError; a pair with NaN is left out.
    """
    shown_first, shown_second, codes, unit_t = _complete(forward, backward, tasks, clusters)
    if not np.isin(np.concatenate([shown_first, shown_second]), (0.0, 0.5, 1.0)).all():
        raise ValueError("an outcome is 1 (won), 0.5 (a tie) or 0 (lost)")
    names, units = codes.tolist(), _numbered(unit_t)
    places = (shown_first + (1 - shown_second)) / 2 - 0.5
    flips = int(((shown_first == 1) & (shown_second == 0)).sum()), int(((shown_first == 0) & (shown_second == 1)).sum())
    consistent = (shown_first == shown_second).astype(float)
    return Position(mean(places, names, units, level), mean(consistent, names, units, level), flips)


def shift(
    first: ArrayLike, second: ArrayLike, tasks: Sequence[Hashable], clusters: Clusters = None, level: float = 0.95
) -> Shift:
    """How the second scores of the same texts differ from the first, shapes (n,); texts with NaN are left out."""
    before, after, codes, unit_t = _complete(first, second, tasks, clusters)
    moved = mean(after - before, codes.tolist(), _numbered(unit_t), level)
    if not len(before):
        return Shift(moved, None, None)
    varied = len(before) > 2 and np.ptp(before) > 0 and np.ptp(after) > 0
    rank = float(np.corrcoef(ranks(before), ranks(after))[0, 1]) if varied else None
    return Shift(moved, float(np.isclose(before, after, rtol=0, atol=1e-9).mean()), rank)


_SETTLED = "no interval: all clusters give the same value"


def _settled(value: float, se: float) -> bool:
    """Whether a standard error is rounding."""
    return se <= 1e-12 * max(1.0, abs(value))


def _estimate(value: float, interval: Interval, units: int) -> Estimate:
    return Estimate(value, interval.low, interval.high, interval.se, interval.df, interval.p, units)


def _complete(
    y: ArrayLike, x: ArrayLike, tasks: Sequence[Hashable], clusters: Clusters
) -> tuple[Array, Array, Codes, Codes]:
    """Both without the rows in which either is NaN, their tasks, and by task its cluster; each numbered from 0."""
    a, b = np.asarray(y, dtype=np.float64), np.asarray(x, dtype=np.float64)
    if a.ndim != 1 or not a.shape == b.shape == (len(tasks),):
        raise ValueError(f"values and tasks have one length, not {a.shape}, {b.shape} and {len(tasks)}")
    if np.isinf(a).any() or np.isinf(b).any():
        raise ValueError("a value is infinite; NaN stands for a missing one")
    kept = ~(np.isnan(a) | np.isnan(b))
    names = [name for name, there in zip(tasks, kept, strict=True) if there]
    units = [(clusters or {}).get(name, name) for name in dict.fromkeys(names)]
    return a[kept], b[kept], codes_of(names), codes_of(units)


def _numbered(unit_t: Codes) -> dict[int, int]:
    """The cluster of each task, both by number."""
    return {task: int(unit) for task, unit in enumerate(unit_t)}


def _means(codes: Codes, values: Array) -> Array:
    return np.bincount(codes, values) / np.bincount(codes)
