"""Covariance components of two measures, and their correlation once the judges' noise is taken out.

The formulas are those of variances with products in the place of squares: over draws of a task `cov(means) - cov_within
mean(1/J)`, with `cov_within` of the two measures' judge draws around their rollout's mean. Where each measure has calls
of its own there is no `cov_within`, by independence. Correlations have the jackknife's interval over tasks on Fisher's
scale, with t on one degree of freedom less than there are tasks (Miller 1974, Biometrika 61, 1). Covariances have none:
between tasks the jackknife's covers them in 88 % of experiments with ten tasks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agentlab.stats.components.components import JUDGED, checked, enough, inseparable
from agentlab.stats.components.nested import Nest, grouped, means, products
from agentlab.stats.contrasts.paired import FEWEST_TASKS
from agentlab.stats.jackknife import margin

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scores:
    """One measure: the labels of all levels but the last, shape (N,) each, and the values, shape (N,)."""

    codes: Sequence[ArrayLike]
    values: ArrayLike
    deterministic: bool = False
    """Whether repeats on the lowest level are copies."""


@dataclass(frozen=True, slots=True)
class Covariance:
    """What two measures share on one level. None where it cannot be estimated."""

    name: str
    covariance: float | None
    correlation: float | None
    """Covariance over the root of the two components: noise taken out, so it may pass 1."""
    low: float | None
    high: float | None
    """Limits of the correlation."""
    uncorrected: float | None
    """The correlation of the means as they are seen, noise and the levels below included."""
    note: str = ""
    """What cannot be estimated although there are enough scores, and why."""


@dataclass(frozen=True, slots=True)
class Covariances:
    """The levels from the top down."""

    levels: tuple[Covariance, ...]
    tasks: int
    rollouts: int
    """That have both measures."""
    dropped: int
    """That have one of them."""
    inseparable: tuple[str, str] = ("", "")
    """By measure, why its two lowest levels cannot be separated; empty where they can."""
    independent: str = ""
    """Why nothing is shared on the lowest level, where each measure has calls of its own."""
    few: str = ""
    """Why there are no intervals, where there are too few tasks."""

    def of(self, name: str) -> Covariance:
        """The level of this name. Raises KeyError."""
        return {level.name: level for level in self.levels}[name]


def covariances(
    x: Scores, y: Scores, names: Sequence[str] = JUDGED, *, same_calls: bool, level: float = 0.95
) -> Covariances:
    """What `x` and `y` share on every level.

    With `same_calls` a value of either comes from one judge's call: both have the same labels in the same rows, and
    their noise is correlated. Without, each measure has judge draws of its own, in any number, and rollouts are matched
    by their labels. Raises ValueError as `components` does.
    """
    if same_calls and not all(map(np.array_equal, map(np.asarray, x.codes), map(np.asarray, y.codes))):
        raise ValueError("measures of the same calls differ in their labels: give both for the same judge draws")
    sides, dropped = _matched(x, y)
    (a, nest_a), (b, nest_b) = (checked(side.codes, side.values, names) for side in sides)
    draws, seen_a, seen_b = grouped(nest_a), means(nest_a, a)[-2], means(nest_b, b)[-2]
    enough(draws, names[:-1])
    tasks = len(draws.parents[0])
    lost = (
        inseparable(nest_a, names, sides[0].deterministic),
        inseparable(nest_b, names, sides[1].deterministic),
    )
    variances = [_replicates(n, v, v, bool(why)) for n, v, why in zip((nest_a, nest_b), (a, b), lost, strict=True)]
    if same_calls:
        shared, seen = _replicates(nest_a, a, b, any(lost)), _seen(nest_a, a, b)
    else:
        shared = _widened(_replicates(draws, seen_a, seen_b), np.zeros(1))
        seen = [*_seen(draws, seen_a, seen_b), None]
    terms: list[Covariance] = []
    for i, name in enumerate(names):
        ratio = _ratio(shared[:, i], variances[0][:, i], variances[1][:, i])
        free = not same_calls and i == len(names) - 1
        span = None if free else _jackknife(ratio, level)
        note = ""
        if not free and min(variances[0][0, i], variances[1][0, i]) <= 0:
            note = "no correlation, because a measure has no variance above 0 on this level"
        elif not free and np.isfinite(ratio[0]) and span is None and tasks >= FEWEST_TASKS:
            note = "no interval, because the correlation, with all tasks or without one of them, is 1 or more"
        terms.append(Covariance(name, _finite(shared[0, i]), _finite(ratio[0]), *(span or (None, None)), seen[i], note))
    apart = "" if same_calls else f"no {names[-1]} is shared by the measures, so their covariance on this level is 0"
    few = f"{tasks} {names[0]}s: no intervals (at least {FEWEST_TASKS} are needed)" if tasks < FEWEST_TASKS else ""
    return Covariances(tuple(terms), tasks, len(draws.parents[-1]), dropped, lost, apart, few)


def _matched(x: Scores, y: Scores) -> tuple[tuple[Scores, Scores], int]:
    """Both measures on the draws that have both, and how many draws have one only."""
    cut = len(np.asarray(x.values))
    at: NDArray[np.intp] = np.zeros(cut + len(np.asarray(y.values)), dtype=np.intp)
    for labels_x, labels_y in zip(x.codes, y.codes, strict=True):
        _, codes = np.unique(np.concatenate([np.asarray(labels_x), np.asarray(labels_y)]), return_inverse=True)
        _, at = np.unique(at * len(at) + codes.reshape(-1), return_inverse=True)
        at = at.reshape(-1)
    both = np.intersect1d(at[:cut], at[cut:])
    kept = np.isin(at, both)
    if not len(both):
        raise ValueError("no draw has both measures")
    sides = tuple(
        Scores([np.asarray(c)[k] for c in side.codes], np.asarray(side.values)[k], side.deterministic)
        for side, k in ((x, kept[:cut]), (y, kept[cut:]))
    )
    return (sides[0], sides[1]), len(np.unique(at)) - len(both)


def _replicates(design: Nest, x: Array, y: Array, merged: bool = False) -> Array:
    """Shape (1 + tasks, L): the covariance components of all tasks, then without each; NaN where there is none.

    Sums over tasks lose a task's part; around the mean of all tasks they lose `G / (G - 1)` of its product. `merged`
    takes the two lowest levels as one, which leaves both NaN.
    """
    if merged:
        upper = _replicates(grouped(design), means(design, x)[-2], means(design, y)[-2])
        return _widened(upper[:, :-1], np.full(2, np.nan))
    levels, tasks = len(design.parents), len(design.parents[0])
    sums, loads = np.zeros((1 + tasks, levels)), np.zeros((1 + tasks, levels, levels))
    df = np.zeros((1 + tasks, levels))
    for i, by_group in enumerate(products(design, x, y)):
        sums[:, i], loads[:, i], df[:, i] = by_group.sum(), design.loads[i].sum(axis=0), design.df[i]
        if i:
            top = design.top(i - 1)
            np.subtract.at(sums[1:, i], top, by_group)
            np.subtract.at(loads[1:, i], top, design.loads[i])
            np.subtract.at(df[1:, i], top, design.children[i] - 1)
    u, v = means(design, x)[0], means(design, y)[0]
    sums[1:, 0] -= tasks / (tasks - 1) * (u - u.mean()) * (v - v.mean())
    spread = design.spread[0]
    loads[1:, 0] = (tasks - 2) / (tasks - 1) * (spread.sum(axis=0) - spread)
    df[1:, 0] -= 1
    bare: NDArray[np.bool_] = np.any(df < 0.5, axis=1)
    loads[bare] = np.eye(levels)
    solved = np.asarray(np.linalg.solve(np.triu(loads), sums[:, :, None]), dtype=np.float64)[:, :, 0]
    solved[bare] = np.nan
    return solved


def _widened(rows: Array, more: Array) -> Array:
    """The same values at the end of every row."""
    return np.concatenate([rows, np.tile(more, (len(rows), 1))], axis=1)


def _seen(design: Nest, x: Array, y: Array) -> list[float | None]:
    """Correlations of the unweighted means of every level around those one level up."""
    sums = [[float(rows.sum()) for rows in products(design, *pair)] for pair in ((x, y), (x, x), (y, y))]
    return [xy / (xx * yy) ** 0.5 if xx * yy > 0 else None for xy, xx, yy in zip(*sums, strict=True)]


def _ratio(shared: Array, a: Array, b: Array) -> Array:
    """`shared / sqrt(a b)`, NaN where a component is not above 0."""
    usable = (a > 0) & (b > 0)
    root = np.sqrt(np.where(usable, a, 1.0)) * np.sqrt(np.where(usable, b, 1.0))
    return np.where(usable, shared / root, np.nan)


def _jackknife(correlations: Array, level: float) -> tuple[float, float] | None:
    """The plain interval of `z = artanh r`, turned back; shape (1 + G,), the first of all tasks.

    None under 6 tasks, and where r is beyond 1 or missing, with all tasks or without one.
    """
    tasks = len(correlations) - 1
    if tasks < FEWEST_TASKS or not (np.abs(correlations) < 1).all():
        return None
    z = np.arctanh(correlations)
    half = margin(z[1:], level)
    return float(np.tanh(z[0] - half)), float(np.tanh(z[0] + half))


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
