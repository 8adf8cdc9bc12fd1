"""Averages of several draws: how bias and variance change with the size of an ensemble.

Draws of a task are cut into as many ensembles at every size, each draw in one of them, and the variance is taken over
ensembles (Hägele et al. 2026, arXiv 2601.23045, section 3). Of independent draws the variance falls as 1/E by
arithmetic, so that a curve that does not shows dependent draws or an error in the code, and nothing about a model.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ensembles:
    """Means over tasks at one size, by squared distance; variances over ensembles are unbiased."""

    size: int
    error: float
    bias2: float
    variance: float
    ensembles: int


def ensembles(values: Sequence[ArrayLike], targets: Sequence[ArrayLike], sizes: Sequence[int]) -> list[Ensembles]:
    """`values` holds for each task an array of shape (draws, d), in the order drawn; `targets` one of shape (d,).

    Every size has the same number of ensembles, which is the fewest draws of a task over the largest size. Raises
    ValueError when that is under 2, or a value is missing.
    """
    tasks = [np.asarray(draws, dtype=np.float64) for draws in values]
    golds = [np.asarray(target, dtype=np.float64) for target in targets]
    if not tasks or not sizes or min(sizes) < 1:
        raise ValueError("tasks and sizes of at least 1 are needed")
    if not all(np.isfinite(array).all() for array in (*tasks, *golds)):
        raise ValueError("a value is missing; leave the draw out and say so")
    fewest = min(map(len, tasks))
    many = fewest // max(sizes)
    if many < 2:
        raise ValueError(f"ensembles of {max(sizes)} from {fewest} draws: two are needed, which take {2 * max(sizes)}")
    return [_of(tasks, golds, size, many) for size in sizes]


def _of(tasks: Sequence[Array], golds: Sequence[Array], size: int, many: int) -> Ensembles:
    error = variance = 0.0
    for values, gold in zip(tasks, golds, strict=True):
        means = values[: size * many].reshape(many, size, -1).mean(axis=1)
        error += float(((means - gold) ** 2).sum(axis=1).mean()) / len(tasks)
        variance += float(means.var(axis=0, ddof=1).sum()) / len(tasks)
    return Ensembles(size, error, error - variance, variance, many)


def exponent(curve: Sequence[Ensembles]) -> float | None:
    """The slope of log variance over log size, by least squares; -1 for independent draws. None without a variance."""
    if len(curve) < 2 or any(point.variance <= 0 for point in curve):
        return None
    sizes, variances = np.log([point.size for point in curve]), np.log([point.variance for point in curve])
    return float(np.polyfit(sizes, variances, 1)[0]) if np.ptp(sizes) > 0 else None
