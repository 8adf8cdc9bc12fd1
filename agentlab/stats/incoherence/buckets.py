"""Error, bias² and variance by groups of tasks of like length, and how the share of variance changes with length.

Length goes with difficulty, so groups differ in more than length; by a model's own length they also hold other tasks
for every model, by a reference model's they do not. Source of the design: Hägele et al. (2026, arXiv 2601.23045),
section 3. A straight line in logits is preferred to one in logarithms, since a share cannot pass 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from agentlab.stats.estimate import Estimate
from agentlab.stats.incoherence.decompose import Decomposition
from agentlab.stats.incoherence.incoherence import terms
from agentlab.stats.jackknife import Clusters, of_sums, share
from agentlab.stats.rows import Floats

COUNT = 5


@dataclass(frozen=True, slots=True)
class Bucket:
    """The tasks from one length to another; means over tasks."""

    shortest: float
    longest: float
    length: float
    error: float
    bias2: float
    variance: float
    incoherence: Estimate
    tasks: int


@dataclass(frozen=True, slots=True)
class Slopes:
    """How the buckets' incoherence changes with their mean length; None where a bucket has none, or is all variance."""

    logarithm: Estimate
    """Of log incoherence over log length: the exponent of a power law."""
    logit: Estimate
    """Of the logit of incoherence over log length."""


def buckets(lengths_t: ArrayLike, parts: Decomposition, count: int = COUNT, clusters: Clusters = None) -> list[Bucket]:
    """Equally many tasks a bucket, the first ones one more where it does not come out even.

    `lengths_t` has shape (T,), as have `clusters`. Raises ValueError for fewer tasks than buckets, or a length that is
    missing.
    """
    lengths, sums = _checked(lengths_t, parts, count), terms(parts)
    bucketed: list[Bucket] = []
    for rows in _groups(lengths, count):
        error, bias2, variance = (float(x[rows].mean()) for x in (parts.error_t, parts.bias2_t, parts.variance_t))
        inside = lengths[rows]
        ratio = share(sums[rows], clusters=None if clusters is None else np.asarray(clusters)[rows])
        ends = float(inside.min()), float(inside.max())
        bucketed.append(Bucket(*ends, float(inside.mean()), error, bias2, variance, ratio, len(rows)))
    return bucketed


def slopes(lengths_t: ArrayLike, parts: Decomposition, count: int = COUNT, clusters: Clusters = None) -> Slopes:
    """Least-squares slopes over buckets, with jackknife-t intervals that leave out a task of its bucket at a time.

    Raises ValueError as `buckets` does, and for a length that is not above 0.
    """
    lengths = _checked(lengths_t, parts, count)
    if lengths.min() <= 0:
        raise ValueError("a length of 0 has no logarithm")
    laid = np.zeros((len(lengths), count, 4))
    for i, rows in enumerate(_groups(lengths, count)):
        laid[rows, i, :2] = terms(parts)[rows, :2]
        laid[rows, i, 2] = lengths[rows]
        laid[rows, i, 3] = 1
    flat = laid.reshape(len(lengths), -1)

    def of(logit: bool) -> Estimate:
        return of_sums(flat, lambda sums: _slope(sums, count, logit), clusters=clusters)

    return Slopes(of(False), of(True))


def _slope(sums: Floats, count: int, logit: bool) -> Floats:
    by = sums.reshape(*sums.shape[:-1], count, 4)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = by[..., 0] / by[..., 1]
        y = np.log(ratio / (1 - ratio)) if logit else np.log(ratio)
        x = np.log(by[..., 2] / by[..., 3])
        x = x - x.mean(axis=-1, keepdims=True)
        slope = (x * y).sum(axis=-1) / (x**2).sum(axis=-1)
    return np.where(np.isfinite(slope), slope, np.nan)


def _groups(lengths: Floats, count: int) -> Sequence[np.ndarray[tuple[int], np.dtype[np.intp]]]:
    return np.array_split(np.argsort(lengths, kind="stable"), count)


def _checked(lengths_t: ArrayLike, parts: Decomposition, count: int) -> Floats:
    lengths: Floats = np.asarray(lengths_t, dtype=np.float64)
    if lengths.shape != parts.error_t.shape or not np.isfinite(lengths).all():
        raise ValueError("one length a task is needed, and none missing")
    if not 2 <= count <= len(lengths):
        raise ValueError(f"{count} buckets of {len(lengths)} tasks: at least 2, and at most one a task")
    return lengths
