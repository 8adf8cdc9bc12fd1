"""The mean over tasks, each of the same weight, and how far it lies from that of new tasks like them.

Tasks may come in clusters that share a source. The standard error is then CR2 with the degrees of freedom of Bell and
McCaffrey (2002, Survey Methodol. 28, 169-181; Imbens and Kolesár 2016, Rev. Econ. Stat. 98, 701-712; Pustejovsky and
Tipton 2018, J. Bus. Econ. Stat. 36, 672-683); without clusters both are those of Student's t. Where tasks are skewed
an interval by t ends too early on the long side. There it reaches to the end that Hall's transformation has. On the
other side it is never shortened, since that gives false alarms where outcomes are rare.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agentlab.stats.interval import Interval, t_p, t_quantile
from agentlab.stats.rows import Floats
from agentlab.stats.skewness import skewed, symmetric, third_moment


@dataclass(frozen=True, slots=True)
class TaskMean:
    """A mean over tasks."""

    value: float
    se: float
    df: float
    units: int
    """Clusters, or tasks where each stands for itself."""
    skewness: float
    """Of the units over sqrt(units), between -1 and 1."""

    def interval(self, level: float = 0.95) -> Interval:
        """The wider of t's and Hall's end on either side; p is the larger of both, so that interval and p agree.

        It takes a standard error above 0.
        """
        c, t = self.skewness, t_quantile(self.df, level)
        low, high = self.value - self.se * max(t, skewed(t, c)), self.value + self.se * max(t, -skewed(-t, c))
        at = self.value / self.se
        return Interval(low, high, self.se, self.df, max(t_p(at, self.df), t_p(symmetric(at, c), self.df)))


def task_mean(values_t: ArrayLike, clusters_t: ArrayLike | None = None) -> TaskMean:
    """Of values of shape (tasks,), with the number of each task's cluster, from 0, if there are any.

    With `n_c` of G tasks in cluster c and `r_c` the sum of their deviations from the mean,
    `se^2 = sum_c r_c^2 / (1 - n_c / G) / G^2`, which is `var / G` without clusters. Raises ValueError for fewer than
    two units.
    """
    x: Floats = np.asarray(values_t, dtype=np.float64)
    codes: NDArray[np.intp] = np.arange(len(x)) if clusters_t is None else np.asarray(clusters_t, dtype=np.intp)
    if x.ndim != 1 or codes.shape != x.shape or not len(x) or codes.max() < 1:
        raise ValueError(f"values of shape {x.shape} in clusters of shape {codes.shape}: two units are the least")
    count, mean = len(x), float(x.mean())
    n_c: Floats = np.bincount(codes).astype(np.float64)
    spread_c = np.bincount(codes, x - mean) / np.sqrt(1 - n_c / count)
    se = float(np.sqrt((spread_c**2).sum())) / count
    return TaskMean(mean, se, freedom(n_c), len(n_c), third_moment(spread_c))


def freedom(squares_c: Floats) -> float:
    """The degrees of freedom of a CR2 error by Bell and McCaffrey, from each cluster's sum of squares of the regressor,
    shape (clusters,): of a mean it is the number of its tasks."""
    whole = float(squares_c.sum())
    weight_c = squares_c**2 / (1 - squares_c / whole)
    crossed = (weight_c.sum() ** 2 - (weight_c**2).sum()) / whole**2
    return whole**2 / float((squares_c**2).sum() + crossed)
