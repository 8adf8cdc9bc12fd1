"""The difference between two arms that were each made several times, where one making is one value.

`independent` is for arms that were made apart (Welch 1947, with the degrees of freedom of Satterthwaite 1946): with
variances `v = s^2 / n`, `df = (v_a + v_b)^2 / (v_a^2 / (n_a - 1) + v_b^2 / (n_b - 1))`. `matched` is for two values of
the same making. None where an arm was made once, or where nothing varies: then there is no interval.
"""

from math import inf

import numpy as np
from numpy.typing import ArrayLike

from agentlab.stats.interval import Interval, limited, t_interval

ALIKE = 1e-12
"""A standard error up to this is rounding."""


def independent(a: ArrayLike, b: ArrayLike, level: float = 0.95, most: float = inf) -> Interval | None:
    """Of `mean(a) - mean(b)`; limits are at most `most` from 0."""
    sides = [np.asarray(values, dtype=np.float64) for values in (a, b)]
    if min(map(len, sides)) < 2:
        return None
    variances = [float(side.var(ddof=1)) / len(side) for side in sides]
    se = sum(variances) ** 0.5
    if se <= ALIKE:
        return None
    df = sum(variances) ** 2 / sum(v**2 / (len(side) - 1) for v, side in zip(variances, sides, strict=True))
    return limited(t_interval(float(sides[0].mean() - sides[1].mean()), se, df, level), most)


def matched(differences: ArrayLike, level: float = 0.95, most: float = inf) -> Interval | None:
    """Of the mean of the differences; limits are at most `most` from 0."""
    values = np.asarray(differences, dtype=np.float64)
    if len(values) < 2:
        return None
    se = float(values.std(ddof=1)) / len(values) ** 0.5
    return None if se <= ALIKE else limited(t_interval(float(values.mean()), se, len(values) - 1, level), most)
