"""Interim analyses of growing data, of which one may end the matter: alpha is spent on them (Lan & DeMets 1983).

They are at `t_1 < ... < t_K`, shares of the planned information, and `Z_k sqrt(t_k)` is Brownian motion at `t_k`. By
analysis k an `alpha(t_k)` has been spent, whatever their number and place. The information share is taken to be
that of pairs: where tasks differ in the effect the analyses are more alike than that, and fewer false alarms are given.
"""

from collections.abc import Sequence
from functools import cache
from statistics import NormalDist
from typing import Literal, cast

import numpy as np
import scipy
from numpy.polynomial.legendre import leggauss
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]
Spend = Literal["obrien_fleming", "pocock"]
FARTHEST = 8.2
"""A critical value beyond which alpha is under rounding error."""
_NODES, _MOST_NODES = 80, 1500


def spent(t: float, spend: Spend, alpha: float = 0.05) -> float:
    """Two-sided alpha spent by share t of the information.

    `obrien_fleming`: `4 - 4 Phi(z_(1 - alpha/4) / sqrt(t))`, little at first; `pocock`: `alpha ln(1 + (e - 1) t)`,
    about as much every time.
    """
    if not 0 < t <= 1 or not 0 < alpha < 1:
        raise ValueError(f"share {t} and alpha {alpha}: the share is above 0 and at most 1, alpha between 0 and 1")
    if spend == "pocock":
        return alpha * float(np.log1p((np.e - 1) * t))
    far = NormalDist().inv_cdf(alpha / 4)
    return 4 * NormalDist().cdf(far / t**0.5)


def boundaries(fractions: Sequence[float], spend: Spend, alpha: float = 0.05) -> tuple[float, ...]:
    """Critical `|Z_k|` of each interim analysis, `inf` where nothing is left to spend on it.

    By recursive integration over what has not crossed before (Armitage, McPherson & Rowe 1969).
    """
    if not fractions or any(b <= a for a, b in zip([0.0, *fractions], fractions, strict=False)):
        raise ValueError(f"interim analyses at {list(fractions)}: shares of the information above 0, in rising order")
    bounds: list[float] = []
    nodes, weights = np.zeros(1), np.ones(1)
    before, used = 0.0, 0.0
    for k, t in enumerate(fractions):
        total = spent(t, spend, alpha)
        step = (t - before) ** 0.5
        c = _crossing(nodes, weights, step, t**0.5, total - used)
        bounds.append(c)
        before, used = t, total
        if k + 1 < len(fractions):
            edge, finest = min(c, FARTHEST) * t**0.5, min(step, (fractions[k + 1] - t) ** 0.5)
            at, width = _grid(edge, finest)
            density = np.exp(-(((at[:, None] - nodes) / step) ** 2) / 2) @ weights / (step * (2 * np.pi) ** 0.5)
            nodes, weights = at, density * width
    return tuple(bounds)


def level(fractions: Sequence[float], spend: Spend, alpha: float = 0.05) -> float:
    """The two-sided p at or under which the last of the analyses rejects."""
    return 2 * float(special.ndtr(-boundaries(fractions, spend, alpha)[-1]))


def repeated_p(p: float, fractions: Sequence[float], spend: Spend) -> float:
    """The p of the last interim analysis made valid whichever it is: the least alpha at which it would reject.

    `p` is the two-sided p of that analysis alone (Jennison & Turnbull 1984). Under the null it is at most alpha at any
    of them with probability alpha, so that Holm's procedure may take it (Ye et al. 2013).
    """
    if len(fractions) == 1 and fractions[0] == 1:
        return p
    z = -float(special.ndtri(max(p, 1e-300) / 2))

    def above(alpha: float) -> float:
        return min(boundaries(fractions, spend, alpha)[-1], FARTHEST) - min(z, FARTHEST)

    least, most = max(p, 1e-15), 0.99
    if least >= most or above(most) > 0:
        return 1.0
    if above(least) <= 0:
        return least
    return scipy.optimize.brentq(above, least, most, xtol=1e-12, rtol=1e-6)


def _crossing(nodes: Array, weights: Array, step: float, scale: float, alpha: float) -> float:
    """The c with `P(|S + step N(0, 1)| > c scale) = alpha` for S on the weighted nodes."""

    def excess(c: float) -> float:
        tails = special.ndtr((nodes - c * scale) / step) + special.ndtr((-nodes - c * scale) / step)
        return float(weights @ tails) - alpha

    if alpha <= 1e-15 or excess(FARTHEST) >= 0:
        return float("inf")
    return scipy.optimize.brentq(excess, 0.0, FARTHEST, xtol=1e-10) if excess(0.0) > 0 else 0.0


def _grid(edge: float, finest: float) -> tuple[Array, Array]:
    """Gauss-Legendre nodes on `(-edge, edge)`, closer than the narrowest normal density on them is wide."""
    at, width = _gauss(min(_MOST_NODES, _NODES * -(-max(1, int(6 * edge / finest)) // _NODES)))
    return at * edge, width * edge


@cache
def _gauss(count: int) -> tuple[Array, Array]:
    return cast(tuple[Array, Array], leggauss(count))
