"""Hall's transformation: Student's t made symmetric where the values behind a mean are skewed.

`g(T) = T + c T^2 / 3 + c^2 T^3 / 27 + c / 6` has no skewness to the order `1 / n`, c being the skewness of the values
over sqrt(n); it rises in T and has a closed inverse (Hall 1992, J. R. Stat. Soc. B 54, 221-228). Where c is large it
turns flat on the side where T is stretched, intervals would be several times as long, and no p small. So g goes on
straight from where its slope `(1 + c T / 3)^2` falls to a half.
"""

import math

import numpy as np

from agentlab.stats.rows import Floats

SLOPE = 0.5
"""The least slope of g. A third covers skewed means hardly better, by longer intervals."""
NONE = 1e-6
"""For a smaller c the cube root would only lose digits."""


def third_moment(deviations: Floats) -> float:
    """`c = sum v^3 / (sum v^2)^(3/2)`, the skewness over sqrt(n) of n deviations from their mean; 0 if all are 0."""
    largest = float(np.abs(deviations).max())
    if largest == 0:
        return 0.0
    v = deviations / largest
    return float((v**3).sum() / (v**2).sum() ** 1.5)


def symmetric(t: float, c: float) -> float:
    """`g(t)`."""
    if abs(c) < NONE:
        return t
    edge = _edge(c)
    return _cubic(t, c) if c * t >= c * edge else _cubic(edge, c) + SLOPE * (t - edge)


def skewed(x: float, c: float) -> float:
    """The t with `g(t) = x`: `3 ((1 + c (x - c/6))^(1/3) - 1) / c` up to the straight part."""
    if abs(c) < NONE:
        return x
    edge = _edge(c)
    start = _cubic(edge, c)
    return edge + (x - start) / SLOPE if c * x < c * start else 3 * (math.cbrt(1 + c * (x - c / 6)) - 1) / c


def _cubic(t: float, c: float) -> float:
    return t + c * t**2 / 3 + c**2 * t**3 / 27 + c / 6


def _edge(c: float) -> float:
    """Where the slope is `SLOPE`, on the side against the skewness."""
    return 3 * (math.sqrt(SLOPE) - 1) / c
