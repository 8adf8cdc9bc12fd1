"""What an arm attains at best: its frontier of two measures, and how often one arm dominates another.

The best of several rollouts grows with their number and with the judge's noise. So arms are compared at one number of
rollouts, as the mean over all subsets of that size, and who is best is chosen by one half of the judge draws and
placed by the other. Source of the attained value: the empirical attainment function (Fonseca, Guerreiro, Lopez-Ibanez
and Paquete 2011), read along one axis. Both measures are turned so that more is better.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from scipy import special

from agentlab.stats.contrasts.paired import FEWEST_TASKS
from agentlab.stats.interval import t_quantile
from agentlab.stats.jackknife import Clusters
from agentlab.stats.task_mean import task_mean

Array = NDArray[np.float64]
DRAWS = 20_000
"""Of means, for the probability that an arm's is on the frontier."""


@dataclass(frozen=True, slots=True)
class TaskScores:
    """The rollouts of one arm on one task: both measures by half of the judge draws, each of shape (rollouts, 2)."""

    x: Array
    y: Array


@dataclass(frozen=True, slots=True)
class Attained:
    """The best y that an arm attains with x at least `at`, over rollouts of a task and then over tasks."""

    at: Array
    """Shape (thresholds,)."""
    value: Array
    low: Array
    high: Array
    """A band that holds at all thresholds at once, over new tasks; NaN under 6 tasks, or clusters of them."""
    reached: Array
    """Share of subsets in which any rollout has such an x; else y counts as its `floor`."""
    placed: Array
    """Mean x of those chosen, by the half that places them; NaN where none is. `at` is by the half that chooses: with a
    noisy judge of x, `placed` falls short of it, and `value` is attained there and not at `at`."""


class Random(Protocol):
    """What is used of numpy's generator."""

    def standard_normal(self, size: tuple[int, int]) -> Array: ...

    def chisquare(self, df: float, size: int) -> Array: ...


def attained(
    tasks: Sequence[TaskScores],
    at: ArrayLike,
    floor: float,
    size: int,
    level: float = 0.95,
    clusters: Clusters = None,
) -> Attained:
    """The frontier of one arm at `size` rollouts of every task, read at thresholds of x.

    In each half a rollout counts if its x is at least the threshold, the best of a subset is chosen by its y (of those
    that tie each as often), and both are decided by one half of the judge draws; its worth is y by the other half; then
    the halves change places. The band is simultaneous over thresholds by Bonferroni. Raises ValueError for `size` above
    the rollouts of a task: arms with unequal numbers have no frontiers that can be compared.
    """
    thresholds = np.asarray(at, dtype=np.float64)
    fewest = min((len(task.x) for task in tasks), default=0)
    if not 1 <= size <= fewest:
        raise ValueError(f"a frontier of {size} rollouts, but a task has {fewest}; take at most as many for every arm")
    if not all(np.isfinite(task.x).all() and np.isfinite(task.y).all() for task in tasks):
        raise ValueError("a measure is missing; exclude the rollout and report that")
    best = np.array([[_best(task, t, floor, size) for t in thresholds] for task in tasks])
    values_tk: Array = best[..., 0]
    mean = values_tk.mean(axis=0)
    reached, x = best[..., 1].mean(axis=0), best[..., 2].mean(axis=0)
    placed = np.divide(x, reached, out=np.full(len(thresholds), np.nan), where=reached > 0)
    margin = np.full(len(thresholds), np.nan)
    if units_of(len(tasks), clusters) >= FEWEST_TASKS:
        errors, df = _errors(values_tk, clusters)
        margin = t_quantile(df, 1 - (1 - level) / len(thresholds)) * np.sqrt((errors**2).sum(axis=0))
    return Attained(thresholds, mean, mean - margin, mean + margin, reached, placed)


def _best(task: TaskScores, threshold: float, floor: float, size: int) -> tuple[float, float, float]:
    """Mean over subsets of the chosen rollout's y, the share of subsets that have one to choose, and its x, else 0."""
    value, share, x = 0.0, 0.0, 0.0
    for chosen, placed in ((0, 1), (1, 0)):
        able = np.flatnonzero(task.x[:, chosen] >= threshold)
        order = able[np.argsort(task.y[able, chosen], kind="stable")]
        leads = _leads(len(task.x), len(order), size)
        value += float(leads @ _shared(task.y[order, chosen], task.y[order, placed]))
        value += (1 - float(leads.sum())) * floor
        share += float(leads.sum())
        x += float(leads @ _shared(task.y[order, chosen], task.x[order, placed]))
    return value / 2, share / 2, x / 2


def _shared(chosen: Array, placed: Array) -> Array:
    """`placed`, averaged over those that tie in `chosen`, of which either could be taken for the best."""
    levels, ties = np.unique(chosen, return_inverse=True)
    if len(levels) == len(chosen):
        return placed
    return (np.bincount(ties, placed) / np.maximum(np.bincount(ties), 1))[ties]


@lru_cache(maxsize=1024)
def _leads(n: int, able: int, size: int) -> Array:
    """Chance that the i-th worst of `able` rollouts is the best of a random subset of `size` out of n.

    `C(n - able + i, size - 1) / C(n, size)` for i = 0, 1, …: it is taken, and none of the better ones.
    """
    below = n - able + np.arange(able)
    return np.asarray(special.binom(below, size - 1) / special.binom(n, size), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Dominance:
    """How often a rollout of one arm is better in both measures than one of the other on the same task."""

    first: float
    second: float
    """Shares of pairs of rollouts, means over tasks; the rest is neither. Equal in one, better in the other counts."""
    first_means: float | None
    """Probability that the first arm's mean over new tasks is better in both measures; None under 6 of these, or
    clusters of them."""
    second_means: float | None
    tasks: int


def dominance(a: Sequence[ArrayLike], b: Sequence[ArrayLike], clusters: Clusters = None) -> Dominance:
    """`a` and `b` hold, task by task, arrays of shape (rollouts, 2) with more being better in both columns.

    The probabilities of means are those of a bivariate t with the degrees of freedom of `task_mean` around the mean
    difference of task means, which is what is known of it after the data and with nothing known before.
    """
    pairs = [(np.asarray(of_a, np.float64), np.asarray(of_b, np.float64)) for of_a, of_b in zip(a, b, strict=True)]
    if not pairs or any(not len(of_a) or not len(of_b) for of_a, of_b in pairs):
        raise ValueError("every task needs a rollout of both arms")
    if not all(np.isfinite(of_a).all() and np.isfinite(of_b).all() for of_a, of_b in pairs):
        raise ValueError("a measure is missing; exclude the rollout and report that")
    shares = np.array([(_over(of_a, of_b), _over(of_b, of_a)) for of_a, of_b in pairs])
    gaps = np.array([of_a.mean(axis=0) - of_b.mean(axis=0) for of_a, of_b in pairs])
    first, second = (float(share) for share in shares.mean(axis=0))
    if units_of(len(pairs), clusters) < FEWEST_TASKS:
        return Dominance(first, second, None, None, len(pairs))
    return Dominance(first, second, _both(gaps, clusters), _both(-gaps, clusters), len(pairs))


def _over(points: Array, others: Array) -> float:
    gap = points[:, None, :] - others[None, :, :]
    return float(((gap >= 0).all(axis=2) & (gap > 0).any(axis=2)).mean())


def _both(gaps: Array, clusters: Clusters) -> float:
    """P(both components above 0) of a t around the mean of `gaps`, shape (tasks, 2)."""
    errors, df = _errors(gaps, clusters)
    mean, shape = gaps.mean(axis=0), errors.T @ errors
    spread = np.sqrt(np.diag(shape))
    if (spread <= 1e-12 * max(float(np.abs(gaps).max()), 1e-300)).any():
        return float((mean > 0).all())
    correlation = float(np.clip(shape[0, 1] / spread.prod(), -1 + 1e-9, 1 - 1e-9))
    scaled = [[1.0, correlation], [correlation, 1.0]]
    given: Any = df  # a float is right, and scipy's types say otherwise
    return float(scipy.stats.multivariate_t.cdf(mean / spread, shape=scaled, df=given, random_state=0))


def on_frontier(means: ArrayLike, generator: Random, clusters: Clusters = None) -> Array | None:
    """By arm, the probability that no other arm's mean dominates its own; None under 6 tasks, or clusters of them.

    `means` has shape (tasks, arms, 2): task means of both measures, more being better. Means are drawn from the
    multivariate t around their average over tasks, with the tasks' own covariance.
    """
    x: Array = np.asarray(means, dtype=np.float64)
    if x.ndim != 3 or not np.isfinite(x).all():
        raise ValueError("task means of shape (tasks, arms, 2), none missing, are needed")
    if units_of(len(x), clusters) < FEWEST_TASKS:
        return None
    centre, (errors, df) = x.mean(axis=0), _errors(x.reshape(len(x), -1), clusters)
    scale = np.sqrt(generator.chisquare(df, DRAWS) / df)
    normal = generator.standard_normal((DRAWS, len(errors)))
    drawn = centre + (normal @ errors / scale[:, None]).reshape(DRAWS, -1, 2)
    free = np.ones(drawn.shape[:2], dtype=bool)
    for arm in range(drawn.shape[1]):
        over = drawn >= drawn[:, arm : arm + 1]
        more = drawn > drawn[:, arm : arm + 1]
        free[:, arm] = ~(over.all(axis=2) & more.any(axis=2)).any(axis=1)
    return np.asarray(free.mean(axis=0), dtype=np.float64)


def units_of(tasks: int, clusters: Clusters) -> int:
    """How many are independent of each other: clusters, or tasks where each stands for itself."""
    return tasks if clusters is None else len(np.unique(np.asarray(clusters)))


def _errors(values_t: Array, clusters: Clusters) -> tuple[Array, float]:
    """Of the means over tasks of `values_t`, shape (tasks, K): what each unit adds to their errors, shape (units,
    K), so that the products sum to the covariances; and the degrees of freedom. Both are those of `task_mean`."""
    count, deviations = len(values_t), values_t - values_t.mean(axis=0)
    codes = np.arange(count) if clusters is None else np.asarray(clusters, dtype=np.intp)
    sizes = np.bincount(codes).astype(np.float64)
    sums = np.zeros((len(sizes), values_t.shape[1]))
    np.add.at(sums, codes, deviations)
    df = task_mean(deviations[:, 0], codes).df
    return sums / (np.sqrt(1 - sizes / count) * count)[:, None], df
