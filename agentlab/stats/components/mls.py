"""Modified large-sample limits of a sum or difference of mean squares.

For `g = sum_i c_i E[S_i^2]`, the S_i^2 independent and `n_i S_i^2 / E[S_i^2]` chi-squared on n_i degrees of freedom.
Sums: Graybill and Wang (1980). Differences: Ting, Burdick, Graybill, Jeyaratnam and Lu (1990). Both, and their use for
unequal numbers with unweighted mean squares: Burdick and Graybill (1992), `Confidence Intervals on Variance
Components`. With one mean square the limits are exact.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]
_NOUGHT = 1e-12
"""A weight so small beside the largest is rounding: with equal numbers a component takes two mean squares only."""


def limits(weights: Array, squares: Array, df: Array, level: float = 0.95) -> tuple[float, float]:
    """Two-sided limits of `sum_i weights_i E[squares_i]`; all of shape (k,), weights of either sign, `df` above 0.

    `low = g - sqrt(V_L)`, `high = g + sqrt(V_U)`, `V` a quadratic form in the mean squares that makes the limits exact
    when all but one or two of them vanish. A lower limit below 0 is left as it is.
    """
    if not 0 < level < 1:
        raise ValueError(f"level {level}: it lies between 0 and 1, such as 0.95")
    kept = np.abs(weights) > _NOUGHT * np.abs(weights).max(initial=0.0)
    terms, n, plus = (weights * squares)[kept], df[kept], weights[kept] > 0
    tail = (1 - level) / 2
    estimate = float(terms.sum())
    positive, negative = (terms[plus], n[plus]), (-terms[~plus], n[~plus])
    down = _variance(positive, negative, tail, lower=True)
    up = _variance(positive, negative, tail, lower=False)
    return estimate - down**0.5, estimate + up**0.5


def _variance(positive: tuple[Array, Array], negative: tuple[Array, Array], tail: float, lower: bool) -> float:
    """`V_L` (or `V_U`) of Ting et al.: own terms, products across the signs, products within the side that falls short.

    `G = 1 - n / chi2_(upper tail)`, `H = n / chi2_(lower tail) - 1`. For the upper limit the two sides change places:
    `-g` has the lower limit `-high`.
    """
    (a, n), (b, m) = (positive, negative) if lower else (negative, positive)
    g, h = 1 - n / special.chdtri(n, tail), m / special.chdtri(m, 1 - tail) - 1
    squares = float((g**2 * a**2).sum() + (h**2 * b**2).sum())
    f = 1 / special.fdtri(m, n[:, None], tail)  # the upper point of F on n and m, shape (len(a), len(b))
    across = ((f - 1) ** 2 - (g**2)[:, None] * f**2 - h**2) / f
    shared = _within(a, n, g, tail) if len(b) else 0.0  # a plain sum has none: Graybill and Wang
    return max(0.0, squares + float(a @ across @ b) + shared)


def _within(a: Array, n: Array, g: Array, tail: float) -> float:
    """Products of two terms of one sign, `(1 - (n+m) / chi2_(n+m))^2 (n+m)^2 / (n m) - G^2 n/m - G'^2 m/n`, shared."""
    if len(a) < 2:
        return 0.0
    i, j = np.triu_indices(len(a), 1)
    p, q, both = n[i], n[j], n[i] + n[j]
    star = (1 - both / special.chdtri(both, tail)) ** 2 * both**2 / (p * q) - g[i] ** 2 * p / q - g[j] ** 2 * q / p
    return float((star * a[i] * a[j]).sum()) / (len(a) - 1)
