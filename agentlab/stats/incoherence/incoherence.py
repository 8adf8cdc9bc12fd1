"""Incoherence of a set of tasks: the share of their error that is variance, as a ratio of sums.

Source: Hägele et al. (2026, arXiv 2601.23045). With hard answers it is nearly a function of accuracy (an accurate model
has little bias left), so it is read beside its companions and against the null of `excess`, never alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agentlab.stats import mover
from agentlab.stats.estimate import Estimate
from agentlab.stats.incoherence.decompose import Decomposition
from agentlab.stats.incoherence.judged import JudgedDecomposition
from agentlab.stats.jackknife import (
    ALIKE,
    Clusters,
    Left,
    clustered,
    left_out,
    missing,
    of_share,
    quotient,
    share,
    standard_error,
)
from agentlab.stats.rows import Floats

FEWEST_CLUSTERS = 30
"""Under so many tasks a percentile bootstrap is too short, and is refused."""
_CELLS = 4_000_000


@dataclass(frozen=True, slots=True)
class Incoherence:
    """A ratio of sums, and what single tasks say; those without error have no ratio."""

    ratio: Estimate
    ratios_t: Floats
    """Variance over error of each task, NaN without error."""
    mean: float | None
    median: float | None
    """Over the tasks that have a ratio: every task weighs the same, in the ratio of sums by its error."""


@dataclass(frozen=True, slots=True)
class Resampled:
    """Percentile intervals over tasks drawn with replacement, the same ones in all C conditions."""

    values_bc: Floats
    """The incoherence of each resample, NaN where the tasks drawn have no error."""
    low_c: Floats
    high_c: Floats


def incoherence(parts: Decomposition, level: float = 0.95, clusters: Clusters = None) -> Incoherence:
    """`sum variance_t / sum error_t` with the jackknife-t interval of a share.

    In [0, 1] for plug-ins; an unbiased one may leave it where bias² or variance is estimated below 0, and then has no
    interval. None with a note where there is no error. `clusters` has the cluster of each task.
    """
    ratios: Floats = np.full(len(parts.error_t), np.nan)
    np.divide(parts.variance_t, parts.error_t, out=ratios, where=parts.error_t > parts.floor_t)
    known = ratios[~np.isnan(ratios)]
    mean, median = (float(np.mean(known)), float(np.median(known))) if len(known) else (None, None)
    return Incoherence(share(terms(parts), level, clusters), ratios, mean, median)


def difference(a: Decomposition, b: Decomposition, level: float = 0.95, clusters: Clusters = None) -> Estimate:
    """Incoherence of a minus that of b, tasks paired in order; see `shares_apart`."""
    return shares_apart(terms(a), terms(b), level, clusters)


def dispersion(scores: JudgedDecomposition, level: float = 0.95, clusters: Clusters = None) -> Estimate:
    """`sum VAR / sum m(1 - m)` of scores in [0, 1]: the variance as a share of the most their means allow.

    Unlike incoherence it has no cap that rises with the mean score, so it is what conditions are compared on.
    """
    return share(_room_terms(scores), level, clusters)


def dispersion_difference(
    a: JudgedDecomposition, b: JudgedDecomposition, level: float = 0.95, clusters: Clusters = None
) -> Estimate:
    """Dispersion of a minus that of b, tasks paired in order."""
    return shares_apart(_room_terms(a), _room_terms(b), level, clusters)


def shares_apart(a: Floats, b: Floats, level: float = 0.95, clusters: Clusters = None) -> Estimate:
    """A share less another over the same tasks, both sides' `terms` of shape (T, 3); p is of no difference.

    Limits are recovered from those of both shares. Their correlation is that of the shares without each task, less by
    one part in the effective number of tasks, of which it is known only by so many. Plain limits cover 63 to 94 % of
    the differences of accurate models.
    """
    if len(a) != len(b):
        raise ValueError(f"{len(a)} and {len(b)} tasks: a paired difference needs the same tasks in the same order")
    sides = [left_out(x, quotient, x[:, 1]) for x in (clustered(a, clusters), clustered(b, clusters))]
    values = [side.value for side in sides]
    gap = None if values[0] is None or values[1] is None else values[0] - values[1]
    first, second = (side if isinstance(side, Estimate) else of_share(side, level) for side in sides)
    for side in (first, second):
        if side.low is None:
            return missing(gap, side.n, side.notes[0])
    left = [side for side in sides if isinstance(side, Left)]
    if np.ptp(left[0].without - left[1].without) <= 1e-12:
        return missing(gap, first.n, ALIKE)
    spread = np.corrcoef(left[0].without, left[1].without)[0, 1]
    known = float(spread) * (1 - 1 / min(side.effective for side in left))

    def limits(at: float) -> mover.Limits:
        return mover.difference(_ended(of_share(left[0], at)), _ended(of_share(left[1], at)), known)

    low, high = limits(level)
    se = standard_error(left[0].without - left[1].without)
    return Estimate(gap, low, high, se, p=mover.p_value(limits), n=first.n)


def bootstrap(
    conditions: Sequence[Decomposition], rng: np.random.Generator, resamples: int = 2000, level: float = 0.95
) -> Resampled:
    """Incoherence of C conditions over the same G tasks, tasks drawn anew; raises ValueError under 30 tasks.

    The difference of two columns of `values_bc` is a paired one. A resample is a row of counts, so that all of them
    are one product of matrices: counts (B, G) times the tasks' terms (G, 3C).
    """
    sums = [terms(parts) for parts in conditions]
    count = len(sums[0]) if sums else 0
    if any(len(rows) != count for rows in sums):
        raise ValueError(f"conditions over {[len(rows) for rows in sums]} tasks: all need the same")
    if count < FEWEST_CLUSTERS:
        raise ValueError(f"{count} tasks: a percentile bootstrap takes {FEWEST_CLUSTERS}, the jackknife-t 6")
    flat = np.concatenate(sums, axis=1)
    step = max(1, _CELLS // count)
    parts = [_counts(rng, count, min(step, resamples - done)) @ flat for done in range(0, resamples, step)]
    values = quotient(np.concatenate(parts).reshape(resamples, len(sums), 3))
    tails = [(1 - level) / 2, (1 + level) / 2]
    bounds = [
        np.quantile(column[~np.isnan(column)], tails) if (column == column).any() else [np.nan] * 2
        for column in values.T
    ]
    low, high = np.array(bounds, dtype=np.float64).T
    return Resampled(values, low, high)


def terms(parts: Decomposition) -> Floats:
    """Shape (T, 3): variance, error, and the error that counts as none; `quotient` of their sums is the incoherence."""
    return np.stack([parts.variance_t, parts.error_t, parts.floor_t], axis=1)


def _room_terms(scores: JudgedDecomposition) -> Floats:
    if scores.room_t is None:
        raise ValueError("dispersion needs scores in [0, 1] and target 1 in every task, or 0 in every task")
    return np.stack([scores.parts.variance_t, scores.room_t, scores.parts.floor_t], axis=1)


def _ended(side: Estimate) -> mover.Ended:
    assert side.value is not None and side.low is not None and side.high is not None  # noqa: PT018
    return side.value, side.low, side.high


def _counts(rng: np.random.Generator, count: int, resamples: int) -> Floats:
    """How often each task is drawn in each resample, shape (resamples, count)."""
    drawn = rng.integers(count, size=(resamples, count)) + np.arange(resamples)[:, None] * count
    return np.bincount(drawn.ravel(), minlength=resamples * count).reshape(resamples, count).astype(np.float64)
