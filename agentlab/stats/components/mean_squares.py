"""The mean squares of a nested design, with what each is without one task, or without one draw of tasks that are fixed.

Limits are of the modified large-sample form, recovered from limits of mean squares, and those are jackknife-t's in
logarithms: they do not take effects to be normal, as limits by chi-squared do. Sources: Zou and Donner (2008, Stat.
Med. 27, 1693-1702); Miller (1968, Ann. Math. Stat. 39, 567-582) for the jackknife of log variances.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agentlab.stats import mover
from agentlab.stats.components.nested import Array, Nest, means, products
from agentlab.stats.contrasts.paired import FEWEST_TASKS
from agentlab.stats.jackknife import Clusters, bent, deviations

_NOUGHT = 1e-12
"""A weight or a mean square so small beside the others is rounding."""


@dataclass(frozen=True, slots=True)
class MeanSquares:
    """L mean squares from the top down, of all values and of all but those of each of U units."""

    every: Array
    """Shape (L,); 0 for a level without degrees of freedom."""
    without: Array
    """Shape (U, L), NaN for a level that has no degrees of freedom left."""
    strata: NDArray[np.intp]
    """Shape (U,): the group that a unit is drawn from; 0 for all where these are the groups at the top."""
    noun: str
    """What a unit is called."""

    @property
    def df(self) -> int:
        """Units less strata."""
        return len(self.strata) - len(np.unique(self.strata))

    def limits(self, weights: Array, level: float) -> mover.Limits | str:
        """Of `sum weights_l E[MS_l]`, shape (L,), of its positive less its negative part; or why there are none.

        The two parts count as independent. Their correlation would make intervals shorter where scores are 0 or 1, and
        those cover 77 to 88 % of rare ones.
        """
        if self.df < FEWEST_TASKS - 1:
            return f"no interval (at least {FEWEST_TASKS} {self.noun}s are needed)"
        plus, minus = (self.part(np.maximum(sign * weights, 0.0), level) for sign in (1, -1))
        if plus is None or minus is None:
            return f"no interval, because one {self.noun} has all of a variance"
        return mover.difference(plus, minus)

    def part(self, weights: Array, level: float) -> mover.Ended | None:
        """A weighted sum of mean squares with its limits: 0 where it is 0, None where it is 0 without some unit."""
        used = weights > _NOUGHT * weights.max(initial=0.0)
        value, without = float(weights[used] @ self.every[used]), self.without[:, used] @ weights[used]
        if value <= 0:
            return 0.0, 0.0, 0.0
        if not (without > _NOUGHT * value).all():
            return None
        low, high = bent(float(np.log(value)), deviations(np.log(without), self.strata), self.df, level)
        return value, float(np.exp(low)), float(np.exp(high))


def mean_squares(design: Nest, values: Array, noun: str, at: int = 0, clusters: Clusters = None) -> MeanSquares:
    """Of unweighted means. Units are the groups of level `at`, called `noun`, or `clusters` of them, shape (n_at,).

    With `at` 1 the groups at the top are the very ones at hand, and their own mean square loses nothing. Without a
    unit, sums of squares and degrees of freedom lose its part.
    """
    sums, df, parents = products(design, values, values), design.df, design.parents[at]
    codes = np.arange(len(parents)) if clusters is None else np.unique(np.asarray(clusters), return_inverse=True)[1]
    count = int(codes.max()) + 1
    strata: NDArray[np.intp] = np.zeros(count, dtype=np.intp)
    strata[codes] = parents
    lost, less = np.zeros((count, len(sums))), np.zeros((count, len(sums)))
    n, size = np.bincount(codes, minlength=count), design.children[at][strata]
    group_means = means(design, values)[at]
    off = group_means - (np.bincount(parents, group_means) / design.children[at])[parents]
    gone = np.bincount(codes, off, minlength=count)
    lost[:, at] = np.bincount(codes, off**2, minlength=count) + gone**2 / np.maximum(size - n, 1)
    less[:, at] = np.minimum(n, size - 1)
    for i in range(at + 1, len(sums)):
        unit = codes[design.top(i - 1, at)]
        lost[:, i] = np.bincount(unit, sums[i], minlength=count)
        less[:, i] = np.bincount(unit, design.children[i] - 1, minlength=count)
    total, left = np.array([float(rows.sum()) for rows in sums]), df - less
    kept: Array = np.full(left.shape, np.nan)
    np.divide(total - lost, left, out=kept, where=left > 0.5)
    return MeanSquares(total / np.maximum(df, 1), kept, strata, noun)
