"""Whether a difference is small enough not to matter: two one-sided tests against a margin (Schuirmann 1987).

Each asks whether the difference is beyond one end of `(-margin, margin)`; it is equivalent where both are rejected,
which at a level alpha is where its interval of confidence `1 - 2 alpha` lies within the margin.
"""

from scipy import stats


def equivalence_p(difference: float, se: float, df: float, margin: float) -> float:
    """The larger of the two one-sided p of a difference with a t of `df` degrees of freedom, all in one unit.

    Raises ValueError unless the margin and the standard error are above 0.
    """
    if not margin > 0 or not se > 0:
        raise ValueError(f"margin {margin} and standard error {se}: both are above 0")
    return float(stats.t.sf((margin - abs(difference)) / se, df))
