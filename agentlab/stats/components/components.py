"""Variance components of nested scores: what tasks, draws and judges each add to the variance of one score.

The estimate of a level is the one of unweighted means: for draws of tasks that were judged J times it is `S^2_between -
sigma^2_judge mean(1/J)`, from the rollouts' means. Neither estimates nor limits take effects to be normal. Negative
estimates and limits are left as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agentlab.stats.components.mean_squares import MeanSquares, mean_squares
from agentlab.stats.components.nested import Nest, coefficients, grouped, henderson, means, nest
from agentlab.stats.jackknife import Clusters

Array = NDArray[np.float64]

JUDGED = ("task", "draw", "judge draw")
IN_CONTEXTS = ("task", "context", "draw", "judge draw")
RERUN = ("task", "draw", "product rerun")
"""Templates, by their levels from the top down; the last is that of the values."""

_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Component:
    """The variance that one level adds. What cannot be estimated is None, and its `Components` say why."""

    name: str
    groups: int
    """Of the level, in all: tasks, draws of all tasks, judge draws of all draws."""
    variance: float | None = None
    """By unweighted means; negative where the levels below explain more than all that is seen."""
    low: float | None = None
    high: float | None = None
    share: float | None = None
    """Of the total, in which negative components count."""
    anova: float | None = None
    """By the analysis of variance, in which every value weighs alike; with equal numbers it is `variance`."""
    why: str = ""
    """Why it has no limits, where nothing else says so."""

    @property
    def negative(self) -> bool:
        """Whether only the upper limit is worth printing."""
        return self.variance is not None and self.variance < 0

    def __str__(self) -> str:
        if self.variance is None:
            return "not separable"
        if self.low is None or self.high is None:
            return f"{self.variance:.3g}"
        return f"<= {self.high:.3g}" if self.negative else f"{self.variance:.3g} ({self.low:.3g} to {self.high:.3g})"


@dataclass(frozen=True, slots=True)
class Components:
    """The components from the top level down."""

    levels: tuple[Component, ...]
    merged: Component | None
    """The two lowest levels together, where they cannot be separated."""
    total: Component
    """Their sum: the variance of one value of one draw of a new task; of a known one where there is but one task."""
    inseparable: str = ""
    """Why the two lowest levels cannot be separated; empty where they can."""
    fixed: str = ""
    """What cannot be estimated because the top level is the very groups at hand."""
    constant: str = ""
    """Where no variance is seen on the lowest level, and what that leaves untold."""
    negative: tuple[str, ...] = ()
    """Of each component below 0 that has limits, that it has but the upper one."""

    @property
    def notes(self) -> tuple[str, ...]:
        """All that is to be said of them."""
        every = (*self.levels, *([self.merged] if self.merged else []))
        unlimited = (f"{level.name}: {level.why}" for level in every if level.why)
        return (*filter(None, (self.inseparable, self.fixed, self.constant)), *self.negative, *unlimited)

    def of(self, name: str) -> Component:
        """The level of this name. Raises KeyError."""
        return {level.name: level for level in self.levels}[name]


def components(
    codes: Sequence[ArrayLike],
    values: ArrayLike,
    names: Sequence[str] = JUDGED,
    *,
    level: float = 0.95,
    fixed: bool = False,
    deterministic: bool = False,
    clusters: Clusters = None,
) -> Components:
    """The variance that every level of `names` adds; `codes` holds the labels, shape (N,), of all levels but the last.

    `fixed` takes the top level as the very groups at hand: their variance has no limits, and one group is
    enough. `deterministic` says that repeats on the lowest level are copies (a judge at temperature 0): it is then not
    separable, as where no group has two. Limits leave out one group at the top at a time, or one of the groups within
    them where it is `fixed`; `clusters`, shape (N,), says which groups at the top are left out together. Raises
    ValueError for NaN, constant scores, and an upper level of which no group has two.
    """
    if not 0 < level < 1:
        raise ValueError(f"level {level}: it lies between 0 and 1, such as 0.95")
    y, design = checked(codes, values, names)
    lost = inseparable(design, names, deterministic)
    used, kept = tuple(names), design
    if lost:
        y, kept = means(design, y)[-2], grouped(design)
        used = (*names[:-2], f"{names[-2]} + {names[-1]}")
    alone = fixed and len(kept.parents[0]) == 1
    enough(kept, used, alone)
    of = None if clusters is None or fixed else _clusters(design, clusters)
    squares = mean_squares(kept, y, names[int(fixed)], int(fixed), of)
    estimates, total = _estimated(kept, y, squares, used, level)
    these = constant = ""
    if fixed:
        estimates[0], these = _these(estimates[0])
        total = replace(total, low=None, high=None)
    if squares.every[-1] <= (_TINY * np.abs(y).max()) ** 2:
        estimates[-1] = replace(estimates[-1], low=None, high=None, why="")
        constant = (
            f"every {names[-1]} of a {names[-2]} is the same: there is no visible variance, "
            f"so limits cannot be estimated"
        )
    below = [component.name for component in estimates if component.negative and component.high is not None]
    notes = (lost, these, constant, tuple(f"{name}: below 0, so only its upper limit is reported" for name in below))
    if not lost:
        return Components(tuple(estimates), None, total, *notes)
    absent = [Component(name, len(parents)) for name, parents in zip(names[-2:], design.parents[-2:], strict=True)]
    return Components((*estimates[:-1], *absent), estimates[-1], total, *notes)


def checked(codes: Sequence[ArrayLike], values: ArrayLike, names: Sequence[str]) -> tuple[Array, Nest]:
    """Values around their mean, and their design. Raises ValueError for what is no set of nested scores."""
    y = np.asarray(values, dtype=np.float64)
    if len(names) < 3 or len(codes) != len(names) - 1:
        raise ValueError(
            f"{len(codes)} rows of labels for {', '.join(names)}: one for each level but the last, three up"
        )
    if y.ndim != 1 or any(np.shape(labels) != y.shape for labels in codes):
        raise ValueError(f"labels and values differ in shape: {[np.shape(c) for c in codes]} and {y.shape}")
    if not np.isfinite(y).all():
        raise ValueError(f"{int((~np.isfinite(y)).sum())} values are NaN or infinite: exclude them, and report that")
    if not len(y) or np.ptp(y) <= _TINY * np.abs(y).max():
        raise ValueError("constant scores: all values are equal, so there is no variance to divide")
    return y - y.mean(), nest(codes)


def inseparable(design: Nest, names: Sequence[str], deterministic: bool) -> str:
    """Why the lowest level cannot be separated from the one above; empty where it can."""
    last, above = names[-1], names[-2]
    if design.df[-1] == 0:
        return f"{last} not separable from {above}: one {last} in every {above}"
    return f"{last} not separable from {above}: a {last} repeats the others by design" if deterministic else ""


def enough(design: Nest, names: Sequence[str], alone: bool = False) -> None:
    """Raises ValueError for a level of which no group above has two; the top may be `alone`."""
    for i, df in enumerate(design.df):
        if df == 0 and (i or not alone):
            where = f" in every {names[i - 1]}" if i else ""
            raise ValueError(f"one {names[i]}{where}: their spread cannot be estimated; two are needed")


def _these(top: Component) -> tuple[Component, str]:
    """The top level as the very groups at hand, and what that leaves untold."""
    if top.groups == 1:
        return Component(top.name, 1), f"one {top.name}: how {top.name}s differ cannot be estimated"
    why = f"these {top.groups} {top.name}s only: their variance and the total have no limits"
    return replace(top, low=None, high=None, why=""), why


def _estimated(
    design: Nest, y: Array, squares: MeanSquares, names: Sequence[str], level: float
) -> tuple[list[Component], Component]:
    """The components of a design in which all levels can be separated, and their sum."""
    weights, anova = np.triu(coefficients(design)), henderson(design, y)
    used = design.df > 0
    variances = weights @ squares.every
    total = float(variances[used].sum())
    estimates: list[Component] = []
    for i, name in enumerate(names):
        ends, why = _ends(squares, weights[i], level) if used[i] else ((None, None), "")
        share = float(variances[i]) / total if total > 0 else None
        estimates.append(
            Component(name, len(design.parents[i]), float(variances[i]), *ends, share, float(anova[i]), why)
        )
    ends, why = _ends(squares, weights[used].sum(axis=0) * used, level)
    return estimates, Component("total", len(y), total, *ends, 1.0, None, why)


def _ends(squares: MeanSquares, weights: Array, level: float) -> tuple[tuple[float, float] | tuple[None, None], str]:
    """Limits, or why there are none."""
    ends = squares.limits(weights, level)
    return ((None, None), ends) if isinstance(ends, str) else (ends, "")


def _clusters(design: Nest, labels: ArrayLike) -> Array:
    """By group at the top, its cluster's number; the last value's, should a group be in several."""
    codes = np.unique(np.asarray(labels), return_inverse=True)[1]
    cluster_of = np.zeros(len(design.parents[0]))
    cluster_of[design.top(len(design.parents) - 1)] = codes
    return cluster_of
