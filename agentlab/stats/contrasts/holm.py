"""p-values of several contrasts, adjusted so that a false one among them is found with the stated probability."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def holm(p: Sequence[float | None]) -> list[float | None]:
    """Holm's (1979) adjusted p: of the i-th smallest of m, `max_(j <= i) min(1, (m - j + 1) p_(j))`, with j from 1.

    A contrast without a test (None) stays None and counts in m all the same, as if its p were 1: what was declared
    cannot leave the family by failing. Raises ValueError for a p outside 0 to 1.
    """
    found: NDArray[np.float64] = np.array([1.0 if one is None else one for one in p], dtype=np.float64)
    if not np.all((found >= 0) & (found <= 1)):
        raise ValueError("a p-value is a number from 0 to 1")
    order = np.argsort(found, kind="stable")
    steps = np.minimum(1.0, found[order] * np.arange(len(found), 0, -1))
    adjusted = np.empty_like(found)
    adjusted[order] = np.maximum.accumulate(steps) if len(steps) else steps
    return [None if was is None else float(now) for was, now in zip(p, adjusted, strict=True)]
