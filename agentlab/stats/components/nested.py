"""A nested random design with unequal numbers: its groups, its mean squares, and what these are expected to be.

`y = mu + A_t + B_td + ... + e`, every effect with a variance of its own, levels counted from the top (0, tasks) to the
values themselves (L - 1, judge draws). Two sets of mean squares are at hand. With unweighted means the mean of a group
is the plain mean of its children's means, so that a draw judged five times weighs as much as one judged twice
(Yates 1934; Thomas and Hultquist 1978). The analysis of variance weighs by values (Henderson's method I: Searle,
Casella and McCulloch 1992, sections 5.1 to 5.3; Gates and Shiue 1962 for any number of levels).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Codes = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Nest:
    """The groups of a design with L levels; level l has n_l groups, the last level's are the N values in their order.

    `spread` and `loads` say what means and sums of squares are made of, in the L components.
    """

    parents: tuple[Codes, ...]
    """By level, shape (n_l,): the group one level up that each group is in; zeros at the top."""
    children: tuple[Array, ...]
    """By level, shape (n_(l-1),): how many groups of the level each group one level up has."""
    spread: tuple[Array, ...]
    """By level, shape (n_l, L): the variance of a group's unweighted mean within the group one level up."""
    loads: tuple[Array, ...]
    """By level, shape (n_(l-1), L): the expected sum of squares of the level's means within each group one level up."""

    @property
    def df(self) -> Array:
        """Shape (L,): groups of a level less groups of the level above."""
        return np.array([float((c - 1).sum()) for c in self.children])

    def top(self, level: int, at: int = 0) -> Codes:
        """Shape (n_level,): the group at the top, or of level `at`, that each group of the level is in."""
        above: Codes = np.arange(len(self.parents[level]), dtype=np.intp)
        for i in range(level, at, -1):
            above = self.parents[i][above]
        return above


def nest(codes: Sequence[ArrayLike]) -> Nest:
    """The design in which value i is in group `codes[l][i]` of level l, each of shape (N,), from the top down.

    A label counts within its group only: draw 3 of one task is not draw 3 of another. The values are one level more.
    """
    parents: list[Codes] = []
    at: Codes = np.zeros(len(np.asarray(codes[0])), dtype=np.intp)
    for labels in codes:
        _, label_codes = np.unique(np.asarray(labels), return_inverse=True)
        label_codes = label_codes.reshape(-1).astype(np.intp)
        width = int(label_codes.max(initial=0)) + 1
        _, first, groups = np.unique(at * width + label_codes, return_index=True, return_inverse=True)
        parents.append(at[first])
        at = groups.reshape(-1).astype(np.intp)
    parents.append(at)
    return _designed(tuple(parents))


def grouped(nest: Nest) -> Nest:
    """The design one level shorter, in which the groups of the last level but one are the values."""
    return _designed(nest.parents[:-1])


def _designed(parents: tuple[Codes, ...]) -> Nest:
    """`A_p = sum over children of A_g / c_p^2`; `E SS_p = (c_p - 1) c_p A_p`, the mean of `A_g` being `c_p A_p`."""
    levels = len(parents)
    counts = [np.bincount(p).astype(np.float64) for p in parents]
    spread: list[Array] = [np.zeros((len(parents[-1]), levels))]
    spread[0][:, -1] = 1.0
    loads: list[Array] = []
    for i in range(levels - 1, -1, -1):
        up = (
            np.stack([_sums(parents[i], column, len(counts[i])) for column in spread[0].T], axis=1)
            / counts[i][:, None] ** 2
        )
        loads.insert(0, up * (counts[i] * (counts[i] - 1))[:, None])
        if i:
            up[:, i - 1] = 1.0
            spread.insert(0, up)
    return Nest(parents, tuple(counts), tuple(spread), tuple(loads))


def means(nest: Nest, values: Array) -> tuple[Array, ...]:
    """Unweighted means by level, shapes (n_0,), ..., (N,), the last being the values."""
    by_level = [values]
    for parents, children in zip(nest.parents[:0:-1], nest.children[:0:-1], strict=True):
        by_level.insert(0, _sums(parents, by_level[0], len(children)) / children)
    return tuple(by_level)


def products(nest: Nest, x: Array, y: Array) -> tuple[Array, ...]:
    """Sums of products of the unweighted means of `x` and `y` around the mean one level up.

    By level, shape (n_(l-1),), one sum for each group one level up. With `y` the same as `x`: sums of squares.
    """
    sums: list[Array] = []
    sides = [means(nest, values) for values in (x, y)]
    for i, (parents, children) in enumerate(zip(nest.parents, nest.children, strict=True)):
        a, b = (u[i] - (_sums(parents, u[i], len(children)) / children)[parents] for u in sides)
        sums.append(_sums(parents, a * b, len(children)))
    return tuple(sums)


def coefficients(nest: Nest) -> Array:
    """Shape (L, L), row l: the weights of the L mean squares `SS_l / df_l` that make up the component of level l.

    The inverse of `E MS_l = sigma_l^2 + sum over m > l of w_lm sigma_m^2`. A level without `df` has no mean square:
    its row means nothing, and those of the levels below stand.
    """
    expected = np.array([rows.sum(axis=0) for rows in nest.loads]) / np.maximum(nest.df, 1)[:, None]
    np.fill_diagonal(expected, 1.0)
    return np.asarray(np.linalg.inv(np.triu(expected)), dtype=np.float64)


def henderson(nest: Nest, values: Array) -> Array:
    """Shape (L,): the components by the analysis of variance, weighing every value alike.

    With `T_l = sum over groups g of level l of (sum of y in g)^2 / n_g`, the sums of squares are `T_l - T_(l-1)`, and
    `E T_l` holds `sigma_m^2` as often as N for m <= l, and `sum_g sum over groups h of level m in g of n_h^2 / n_g`
    for m > l; `T_0` is of all values together. A level without `df` has no estimate, as in `coefficients`.
    """
    levels = len(nest.parents)
    y = values - values.mean()
    sizes, sums = [np.ones(len(y))], [y]
    for parents in nest.parents[::-1]:
        count = int(parents.max()) + 1
        sizes.insert(0, _sums(parents, sizes[0], count))
        sums.insert(0, _sums(parents, sums[0], count))
    corrected = np.array([float((s * s / n).sum()) for s, n in zip(sums, sizes, strict=True)])
    holds = np.full((levels + 1, levels), float(len(y)))
    for m in range(levels):
        squares = sizes[m + 1] ** 2
        for i in range(m, -1, -1):
            squares = _sums(nest.parents[i], squares, len(sizes[i]))
            holds[i, m] = float((squares / sizes[i]).sum())
    expected = np.diff(holds, axis=0)
    np.fill_diagonal(expected, np.where(nest.df > 0, expected.diagonal(), 1.0))
    return np.linalg.solve(np.triu(expected), np.diff(corrected))


def _sums(groups: Codes, weights: Array, count: int) -> Array:
    """Shape (count,): sums by group."""
    return np.bincount(groups, weights, minlength=count).astype(np.float64)
