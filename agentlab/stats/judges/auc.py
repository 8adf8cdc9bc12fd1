"""How often a good text outscores a bad one, with limits that hold for few texts.

The texts come in families, and only texts of one family are compared. The area is that of Mann and Whitney over all
such pairs; ties count half. Its variance at a true area of θ is that of Hanley and McNeil (1982) as Newcombe (2006,
method 5) has it, `θ(1 - θ)(2N - 1 - 3(N - 1)/((2 - θ)(1 + θ)))/(mn)` with `N = (m + n)/2` for m good and n bad texts;
at θ = .5 it is exactly that of the null. Families add up with their pairs as weights.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist, fmean

Family = tuple[int, int]
"""Good and bad texts that are compared with each other."""
_HALVINGS = 50


def auc(families: Sequence[tuple[Sequence[float], Sequence[float]]]) -> float | None:
    """Of the scores of good and of bad texts, family by family; scores that differ by rounding alone are ties.

    None without a pair.
    """
    wins = [
        0.5 if math.isclose(good, bad, abs_tol=1e-9) else float(good > bad)
        for goods, bads in families
        for good in goods
        for bad in bads
    ]
    return fmean(wins) if wins else None


def limits(area: float, families: Sequence[Family], level: float = 0.95) -> tuple[float, float]:
    """The areas θ with `|area - θ| <= z sd(θ)`, from 0 to 1. Raises ValueError where no family has a pair."""
    pairs = [(m, n) for m, n in families if m and n]
    if not pairs or not 0 <= area <= 1:
        raise ValueError(f"an area of {area} over {list(families)}: it is from 0 to 1, over at least one pair")
    z = NormalDist().inv_cdf((1 + level) / 2)
    return _limit(area, 0.0, pairs, z), _limit(area, 1.0, pairs, z)


def _limit(area: float, end: float, families: Sequence[Family], z: float) -> float:
    """Between the area and an end of its range, where the deviation is z standard deviations."""
    near, far = area, end
    for _ in range(_HALVINGS):
        middle = (near + far) / 2
        if abs(area - middle) > z * math.sqrt(_variance(middle, families)):
            far = middle
        else:
            near = middle
    return (near + far) / 2


def _variance(theta: float, families: Sequence[Family]) -> float:
    each = (
        m * n * theta * (1 - theta) * (m + n - 1 - 3 * ((m + n) / 2 - 1) / ((2 - theta) * (1 + theta)))
        for m, n in families
    )
    return max(0.0, sum(each)) / sum(m * n for m, n in families) ** 2
