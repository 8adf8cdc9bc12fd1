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
    low, high = _limits(area, m, n, float(stats.norm.ppf((1 + level) / 2)))
    return Auc(area, low, high, m, n)


def _limits(area: float, m: int, n: int, z: float) -> tuple[float, float]:
    half = (m + n) / 2 - 1

    def excess(true: float) -> float:
        variance = true * (1 - true) * (1 + half * (1 - true) / (2 - true) + half * true / (1 + true)) / (m * n)
        return (area - true) ** 2 - z * z * variance

    low = 0.0 if area <= 0 else float(optimize.brentq(excess, 0.0, area))
    high = 1.0 if area >= 1 else float(optimize.brentq(excess, area, 1.0))
    return low, high


def _finite(scores: ArrayLike) -> NDArray[np.float64]:
    array: NDArray[np.float64] = np.asarray(scores, dtype=np.float64).ravel()
    return array[~np.isnan(array)]
