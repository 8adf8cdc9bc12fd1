"""The exact test of a mean difference by random signs (Fisher 1935)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
MOST_FLIPS = 12
"""Up to so many tasks the sign-flip test is exact, over at most 4,096 patterns; above, the t interval serves alone."""


def sign_flip_p(differences: ArrayLike) -> float:
    """Exact two-sided p of the mean under random signs: the share of the 2^G patterns at least as far from 0.

    `differences` has shape (G,), G at most 20 unless none differs in sign, when it is `2 / 2^k` for k that are not 0.
    Under the null each difference is symmetric around 0 by itself.
    """
    d: Array = np.asarray(differences, dtype=np.float64)
    if len(d) and (np.all(d >= 0) or np.all(d <= 0)):
        return min(1.0, 2.0 ** (1 - int(np.count_nonzero(d))))
    if not 1 <= len(d) <= 20:
        raise ValueError(f"{len(d)} differences: the exact sign-flip test takes 1 to 20")
    minus = np.arange(1 << len(d) - 1)[:, None] >> np.arange(len(d) - 1)[::-1] & 1
    signs: Array = np.where(minus, -1.0, 1.0)
    sums: Array = d[0] + np.asarray(signs @ d[1:], dtype=np.float64)
    far = np.abs(sums) >= abs(d.sum()) - 1e-12 * np.abs(d).sum()
    return float(far.sum()) / len(far)


def flips(differences: Array, tiny: float) -> float | None:
    """The sign-flip p of differences that do not vary; None of many with both signs, whose patterns are too many."""
    d = np.where(np.abs(differences) <= tiny, 0.0, differences)
    one_sign = bool(np.all(d >= 0) or np.all(d <= 0))
    return sign_flip_p(d) if one_sign or len(d) <= MOST_FLIPS else None
