"""Hall's transformation: Student's t made symmetric where the values behind a mean are skewed.

`g(T) = T + c T^2 / 3 + c^2 T^3 / 27 + c / 6` has no skewness to the order `1 / n`, c being the skewness of the values
over sqrt(n); it rises in T and has a closed inverse (Hall 1992, J. R. Stat. Soc. B 54, 221-228).
"""

import math

import numpy as np

from agentlab.stats.rows import Floats


def third_moment(deviations: Floats) -> float:
    """`c = sum v^3 / (sum v^2)^(3/2)`, the skewness over sqrt(n) of n deviations from their mean; 0 if all are 0."""
    largest = float(np.abs(deviations).max())
    if largest == 0:
        return 0.0
    v = deviations / largest
    return float((v**3).sum() / (v**2).sum() ** 1.5)


def symmetric(t: float, c: float) -> float:
    """`g(t)`."""
    return t + c * t**2 / 3 + c**2 * t**3 / 27 + c / 6


def skewed(x: float, c: float) -> float:
    """The t with `g(t) = x`: `3 ((1 + c (x - c/6))^(1/3) - 1) / c`."""
    # for a smaller c the cube root would only lose digits
    return x if abs(c) < 1e-6 else 3 * (math.cbrt(1 + c * (x - c / 6)) - 1) / c
