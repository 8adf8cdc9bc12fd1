"""The mean of a share over rows and columns that are both drawn, such as sums and attacks.

The variance of the mean of cells is that over rows plus that over columns minus that over cells (Cameron, Gelbach and
Miller 2011, J. Bus. Econ. Stat. 29, 238-249, eq. 2.11), and never less than that over rows or over columns. The
interval is that of `arm_mean` for the answers that this variance is worth, by t with one degree of freedom fewer than
there are rows or columns, whichever are fewer.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from agentlab.stats.arm_mean import StandardError, share_limits
from agentlab.stats.contrasts.power import FEWEST_TASKS
from agentlab.stats.estimate import Estimate
from agentlab.stats.rows import Floats, Ints, codes_of


def crossed_mean(
    values: ArrayLike,
    rows: Sequence[Hashable],
    columns: Sequence[Hashable],
    level: float = 0.95,
    clusters: Mapping[Any, Hashable] | None = None,
) -> Estimate:
    """Of values from 0 to 1, shape (N,), in cells given by `rows` and `columns`; each cell counts by its mean.

    `clusters` gives the cluster of each row; rows of one cluster are not independent and are counted as one.

    Without an interval if there are fewer than 6 rows or columns, or if every cell has the same value between 0 and 1.
    """
    x: Floats = np.asarray(values, dtype=np.float64)
    if not len(x):
        return Estimate(None, notes=("no value",))
    cells = codes_of(zip(rows, columns, strict=True))
    first = np.unique(cells, return_index=True)[1]
    mean_c: Floats = np.bincount(cells, x) / np.bincount(cells)
    drawn = rows if clusters is None else [clusters[row] for row in rows]
    row_c, column_c = (codes_of(labels)[first] for labels in (drawn, columns))
    both = codes_of(zip(row_c.tolist(), column_c.tolist(), strict=True))
    mean, fewest = float(mean_c.mean()), int(min(row_c.max(), column_c.max())) + 1
    if fewest < FEWEST_TASKS:
        return Estimate(mean, n=fewest, notes=(f"under {FEWEST_TASKS} rows or columns: no interval",))
    spread, parts = mean * (1 - mean), mean_c - mean
    over = [_variance(parts, codes) for codes in (row_c, column_c, both)]
    variance = max(over[0] + over[1] - over[2], *over[:2])
    if spread <= 1e-12:
        answers = float(fewest)
    elif variance <= 1e-24:
        return Estimate(mean, n=fewest, notes=("every cell has the same value: no interval",))
    else:
        answers = StandardError(variance**0.5, fewest - 1).worth(spread, level)
    return Estimate(mean, *share_limits(mean, answers, level), se=variance**0.5, df=fewest - 1, n=fewest)


def _variance(parts: Floats, codes: Ints) -> float:
    """`G / (G - 1) sum_g (sum of the deviations in g)^2 / N^2`."""
    sums = np.bincount(codes, parts)
    return len(sums) / (len(sums) - 1) * float((sums**2).sum()) / len(parts) ** 2
