"""Variance components of nested scores: what tasks, draws and judges each add to the variance of one score.

The estimate of a level is the one of unweighted means: for draws of tasks that were judged J times it is `S^2_between -
sigma^2_judge mean(1/J)`, from the rollouts' means. Limits are MLS, with Satterthwaite's degrees of freedom where
numbers are unequal (Hernandez, Burdick and Birch 1992); the lowest level's are exact. The limits assume normal effects,
the estimates do not. Negative estimates and limits are left as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agentlab.stats.components.mls import limits
from agentlab.stats.components.nested import (
    Nest,
    coefficients,
    grouped,
    henderson,
    means,
    nest,
    products,
    satterthwaite,
)

Array = NDArray[np.float64]

JUDGED = ("task", "draw", "judge draw")
IN_CONTEXTS = ("task", "context", "draw", "judge draw")
RERUN = ("task", "draw", "product rerun")
"""Templates, by their levels from the top down; the last is that of the values."""

_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Component:
    """The variance that one level adds. What cannot be told is None, and its `Components` say why."""

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
    df: float | None = None
    """Degrees of freedom of its mean square."""

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
    """The two lowest levels together, where they cannot be told apart."""
    total: Component
    """Their sum: the variance of one value of one draw of a new task; of a known one where there is but one task."""
    inseparable: str = ""
    """Why the two lowest levels cannot be told apart; empty where they can."""
    fixed: str = ""
    """What cannot be told since the top level is the very groups at hand."""
    constant: str = ""
    """Where no variance is seen on the lowest level, and what that leaves untold."""
    negative: tuple[str, ...] = ()
    """Of each component below 0 that has limits, that it has but the upper one."""

    @property
    def notes(self) -> tuple[str, ...]:
        """All that is to be said of them."""
        return (*filter(None, (self.inseparable, self.fixed, self.constant)), *self.negative)

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
) -> Components:
    """The variance that every level of `names` adds; `codes` holds the labels, shape (N,), of all levels but the last.

    `fixed` takes the top level as the very groups at hand: their variance is told without limits, and one group is
    enough. `deterministic` says that repeats on the lowest level are copies (a judge at temperature 0): it is then not
    separable, as where no group has two. Raises ValueError for NaN, constant scores, and an upper level of which no
    group has two.
    """
    y, design = checked(codes, values, names)
    lost = inseparable(design, names, deterministic)
    used, kept = tuple(names), design
    if lost:
        y, kept = means(design, y)[-2], grouped(design)
        used = (*names[:-2], f"{names[-2]} + {names[-1]}")
    alone = fixed and len(kept.parents[0]) == 1
    enough(kept, used, alone)
    squares = np.array([rows.sum() for rows in products(kept, y, y)]) / np.maximum(kept.df, 1)
    found, total = _estimated(kept, y, squares, used, level)
    these = constant = ""
    if fixed:
        found[0], these = _these(found[0])
        total = replace(total, low=None, high=None)
    if squares[-1] <= (_TINY * np.abs(y).max()) ** 2:
        found[-1] = replace(found[-1], low=None, high=None)
        constant = f"every {names[-1]} of a {names[-2]} is the same: no variance is seen, and no limit can be told"
    below = [component.name for component in found if component.negative and component.high is not None]
    notes = (lost, these, constant, tuple(f"{name}: below 0, so only its upper limit is told" for name in below))
    if not lost:
        return Components(tuple(found), None, total, *notes)
    absent = [Component(name, len(parents)) for name, parents in zip(names[-2:], design.parents[-2:], strict=True)]
    return Components((*found[:-1], *absent), found[-1], total, *notes)


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
        raise ValueError(f"{int((~np.isfinite(y)).sum())} values are NaN or infinite: leave them out, and say so")
    if not len(y) or np.ptp(y) <= _TINY * np.abs(y).max():
        raise ValueError("constant scores: no value differs from another, so there is no variance to divide")
    return y - y.mean(), nest(codes)


def inseparable(design: Nest, names: Sequence[str], deterministic: bool) -> str:
    """Why the lowest level cannot be told from the one above; empty where it can."""
    last, above = names[-1], names[-2]
    if design.df[-1] == 0:
        return f"{last} not separable from {above}: one {last} in every {above}"
    return f"{last} not separable from {above}: a {last} repeats the others by design" if deterministic else ""


def enough(design: Nest, names: Sequence[str], alone: bool = False) -> None:
    """Raises ValueError for a level of which no group above has two; the top may be `alone`."""
    for i, df in enumerate(design.df):
        if df == 0 and (i or not alone):
            where = f" in every {names[i - 1]}" if i else ""
            raise ValueError(f"one {names[i]}{where}: how far one lies from another cannot be told; two are needed")


def _these(top: Component) -> tuple[Component, str]:
    """The top level as the very groups at hand, and what that leaves untold."""
    if top.groups == 1:
        return Component(top.name, 1), f"one {top.name}: how {top.name}s differ cannot be told"
    why = f"these {top.groups} {top.name}s only: their variance has no limits, nor has the total"
    return replace(top, low=None, high=None), why


def _estimated(
    design: Nest, y: Array, squares: Array, names: Sequence[str], level: float
) -> tuple[list[Component], Component]:
    """The components of a design in which all levels can be told apart, and their sum."""
    weights, anova = coefficients(design), henderson(design, y)
    variances = weights @ squares
    df = satterthwaite(design, variances)
    used = slice(int(design.df[0] == 0), None)
    total = float(variances[used].sum())
    found: list[Component] = []
    for i, name in enumerate(names):
        low, high = limits(weights[i, i:], squares[i:], df[i:], level) if design.df[i] else (None, None)
        variance, share = float(variances[i]), float(variances[i]) / total if total > 0 else None
        found.append(Component(name, len(design.parents[i]), variance, low, high, share, float(anova[i]), float(df[i])))
    low, high = limits(weights[used, used].sum(axis=0), squares[used], df[used], level)
    return found, Component("total", len(y), total, low, high, 1.0)
