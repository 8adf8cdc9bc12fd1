"""Limits of a difference from the limits of its two terms: the method of variance estimates recovery.

Sources: Zou and Donner (2008, Stat. Med. 27, 1693-1702); Zou (2008, Stat. Med. 27, 5093) for terms that are correlated.
Modified large-sample limits of variance components have the same form.
"""

from collections.abc import Callable

import scipy

Limits = tuple[float, float]
Ended = tuple[float, float, float]
"""An estimate with its lower and its upper limit."""
_LEAST = 1e-12


def difference(a: Ended, b: Ended, correlation: float = 0.0) -> Limits:
    """`a - b -+ sqrt(u^2 - 2 r u v + v^2)`, u and v from each estimate to that of its limits which counts.

    To the lower limit these are a's lower and b's upper one, to the upper limit the others.
    """
    gap = a[0] - b[0]
    return gap - _root(a[0] - a[1], b[2] - b[0], correlation), gap + _root(a[2] - a[0], b[0] - b[1], correlation)


def p_value(limits: Callable[[float], Limits]) -> float:
    """Two-sided, of no difference: one less the level at which an end of the interval reaches 0."""

    def inside(level: float) -> float:
        low, high = limits(level)
        return min(high, -low)

    if inside(_LEAST) >= 0:
        return 1.0
    if inside(1 - _LEAST) <= 0:
        return _LEAST
    return 1 - float(scipy.optimize.brentq(inside, _LEAST, 1 - _LEAST, xtol=1e-9))


def _root(u: float, v: float, r: float) -> float:
    return max(0.0, u * u - 2 * r * u * v + v * v) ** 0.5
