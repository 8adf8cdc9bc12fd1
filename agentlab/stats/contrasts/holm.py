"""p-values of several contrasts, adjusted so that a false one among them is found with the stated probability."""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray


def holm(p: Sequence[float | None], of: Sequence[Hashable] | None = None) -> list[float | None]:
    """Holm's (1979) adjusted p: of the i-th smallest of m, `max_(j <= i) min(1, (m - j + 1) p_(j))`, with j from 1.

    A contrast without a test (None) stays None and counts in m all the same, as if its p were 1: what was declared
    cannot leave the family by failing. Hypotheses of which at most one can be true, such as that a contrast is 0 and
    that it is beyond a margin, share a label in `of`: then the factor is the number of labels not yet rejected in full,
    which is how many hypotheses can still be true (Shaffer 1986). Raises ValueError for a p outside 0 to 1.
    """
    values: NDArray[np.float64] = np.array([1.0 if value is None else value for value in p], dtype=np.float64)
    if not np.all((values >= 0) & (values <= 1)):
        raise ValueError("a p-value is a number from 0 to 1")
    order = np.argsort(values, kind="stable")
    labels = [i if of is None else of[i] for i in order]
    left = [len(set(labels[j:])) for j in range(len(labels))]
    steps = np.minimum(1.0, values[order] * np.array(left, dtype=np.float64))
    adjusted = np.empty_like(values)
    adjusted[order] = np.maximum.accumulate(steps) if len(steps) else steps
    return [None if was is None else float(now) for was, now in zip(p, adjusted, strict=True)]
