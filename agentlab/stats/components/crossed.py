"""Variance components of a full table whose rows and columns are both drawn at random, such as rollouts by cases."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from agentlab.stats.rows import Floats


@dataclass(frozen=True, slots=True)
class Crossed:
    """Unbiased estimates, which may be negative; NaN where there are too few rows or columns."""

    rows: float
    columns: float
    rest: float
    """Of single cells: rows and columns that do not add up, and noise."""


def crossed(table: ArrayLike) -> Crossed:
    """The components of R rows and C columns without gaps, from mean squares.

    `rest = MS_rest`, `rows = (MS_rows - MS_rest) / C`. Searle, Casella and McCulloch (1992), section 4.3.
    Raises ValueError for gaps.
    """
    x: Floats = np.asarray(table, dtype=np.float64)
    if x.ndim != 2 or not np.isfinite(x).all():
        raise ValueError(f"a table of shape {x.shape}: finite numbers in rows and columns are needed")
    r, c = x.shape
    if r < 2 or c < 2:
        return Crossed(np.nan, np.nan, np.nan)
    by_row, by_column, mean = x.mean(axis=1), x.mean(axis=0), x.mean()
    rest = float(((x - by_row[:, None] - by_column + mean) ** 2).sum() / ((r - 1) * (c - 1)))
    rows, columns = (
        float(((by_row - mean) ** 2).sum() * c / (r - 1)),
        float(((by_column - mean) ** 2).sum() * r / (c - 1)),
    )
    return Crossed((rows - rest) / c, (columns - rest) / r, rest)
