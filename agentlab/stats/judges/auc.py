"""The area under the ROC curve: how often a member of one class scores above a member of the other."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats


@dataclass(frozen=True, slots=True)
class Auc:
    """An area with its interval and the sizes of both classes."""

    area: float
    low: float
    high: float
    positives: int
    negatives: int


def auc(positive: ArrayLike, negative: ArrayLike, level: float = 0.95) -> Auc | None:
    """`P(positive > negative) + P(tie) / 2` over all pairs (Mann-Whitney U / mn), shapes (m,) and (n,).

    NaN scores are left out; None when a class is empty. The interval is Newcombe's method 5 (Statistics in Medicine
    25, 2006, 559-573): all areas A with `|area - A| <= z sqrt(V(A))`, where
    `V(A) = A(1 - A) (1 + h (1 - A)/(2 - A) + h A/(1 + A)) / mn` and `h = (m + n)/2 - 1`. It is meant for small classes
    and stays wide where all pairs agree, which DeLong's interval does not; scores must be independent of each other.
    """
    x, y = _finite(positive), _finite(negative)
    if not len(x) or not len(y):
        return None
    ranks: NDArray[np.float64] = stats.rankdata(np.concatenate([x, y]))
    m, n = len(x), len(y)
    area = (float(ranks[:m].sum()) - m * (m + 1) / 2) / (m * n)
    z = float(stats.norm.ppf((1 + level) / 2))
    return Auc(area, _low(area, m, n, z), 1 - _low(1 - area, m, n, z), m, n)


def _low(area: float, m: int, n: int, z: float) -> float:
    """The smaller root. At area 1 the root A = 1 is divided out, for it is no limit."""
    half = (m + n) / 2 - 1

    def excess(true: float) -> float:
        spread = z * z * true * (1 + half * (1 - true) / (2 - true) + half * true / (1 + true)) / (m * n)
        return (1 - true) - spread if area >= 1 else (area - true) ** 2 - spread * (1 - true)

    return 0.0 if area <= 0 else float(optimize.brentq(excess, 0.0, area))


def _finite(scores: ArrayLike) -> NDArray[np.float64]:
    array: NDArray[np.float64] = np.asarray(scores, dtype=np.float64).ravel()
    return array[~np.isnan(array)]
