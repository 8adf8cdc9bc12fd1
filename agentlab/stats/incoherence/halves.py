"""Within every task, its short draws against its long ones: does what took longer vary more?

Length is not assigned, so this is a description. Both halves have equally many draws (of an odd number the middle one
is left out), since fewer draws bias a variance down; variances are the unbiased ones; and the null shuffles lengths
within each task, so that nothing but the split itself can make a difference. The design is that of Hägele et al.
(2026, arXiv 2601.23045), section 3; loss is squared distance, which is Brier's for probabilities and one-hot answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
PERMUTATIONS = 2_000
FEWEST = 4
"""Draws of a task, two a half."""


@dataclass(frozen=True, slots=True)
class TaskDraws:
    """One task's draws. `target` is None where there is none: then there is a variance and no error."""

    lengths: Array
    """Shape (draws,): tokens, turns or messages."""
    values: Array
    """Shape (draws, d): probabilities, one-hot answers, or scores with d = 1."""
    target: Array | None
    """Shape (d,)."""
    noise: Array | None = None
    """Shape (draws,): the estimated variance of a judge's own error in each draw, taken out of variance and error."""


@dataclass(frozen=True, slots=True)
class Half:
    """Means over tasks of one half; `incoherence` is variance over error, sums over tasks."""

    length: float
    error: float | None
    bias2: float | None
    variance: float
    incoherence: float | None


@dataclass(frozen=True, slots=True)
class Halves:
    """Both halves and what shuffled lengths make of them."""

    short: Half
    long: Half
    variance_difference: float
    """Long less short."""
    variance_p: float
    """Two-sided, of the shuffled differences and the one found: never 0."""
    incoherence_difference: float | None
    incoherence_p: float | None
    tasks: int
    left_out: int
    """Tasks with too few draws, or whose draws are all of one length."""


def halves(tasks: Sequence[TaskDraws], generator: np.random.Generator, permutations: int = PERMUTATIONS) -> Halves:
    """Splits every task at its median length; draws of one length fall to either half by lot.

    Raises ValueError when no task has 4 draws of different lengths, or a value is missing.
    """
    if any(not (np.isfinite(task.lengths).all() and np.isfinite(task.values).all()) for task in tasks):
        raise ValueError("a length or a value is missing; leave the draw out and say so")
    kept = [task for task in tasks if len(task.lengths) >= FEWEST and np.ptp(task.lengths) > 0]
    if not kept:
        raise ValueError(f"no task has {FEWEST} draws of different lengths")
    targeted = all(task.target is not None for task in kept)
    # axis 0: the split found, then the shuffled ones; axis 1: short and long; axis 2: variance, error
    sums: Array = np.mean([_split(task, generator, permutations) for task in kept], axis=0)
    variance, error = sums[..., 0], sums[..., 1]
    ratio: Array = np.divide(variance, error, out=np.full_like(variance, np.nan), where=error > 0)
    gap, p = _compared(ratio) if targeted and np.isfinite(ratio).all() else (None, None)
    by_variance = _compared(variance)
    return Halves(
        short=_half(kept, 0, sums[0, 0], targeted),
        long=_half(kept, 1, sums[0, 1], targeted),
        variance_difference=by_variance[0],
        variance_p=by_variance[1],
        incoherence_difference=gap,
        incoherence_p=p,
        tasks=len(kept),
        left_out=len(tasks) - len(kept),
    )


def _compared(values: Array) -> tuple[float, float]:
    """Long less short as found, shape (1 + permutations, 2), and its p among the shuffled ones."""
    gaps: Array = values[:, 1] - values[:, 0]
    far = np.abs(gaps[1:]) >= abs(gaps[0]) - 1e-12
    return float(gaps[0]), float((far.sum() + 1) / len(gaps))


def _split(task: TaskDraws, generator: np.random.Generator, permutations: int) -> Array:
    """Unbiased variance and mean error of both halves, shape (1 + permutations, 2, 2)."""
    many = len(task.lengths)
    size = many // 2
    # ties are broken by lot: the second key is random
    order = np.lexsort((generator.random(many), task.lengths))
    shuffled = generator.permuted(np.tile(np.arange(many), (permutations, 1)), axis=1)
    orders = np.vstack([order, shuffled])
    noise = np.zeros(many) if task.noise is None else task.noise
    errors = np.full(many, np.nan) if task.target is None else ((task.values - task.target) ** 2).sum(axis=1)
    columns = np.column_stack([(task.values**2).sum(axis=1), errors, noise, task.values])
    estimates = np.empty((len(orders), 2, 2))
    for side, members in enumerate((orders[:, :size], orders[:, many - size :])):
        chosen = np.zeros(orders.shape)
        np.put_along_axis(chosen, members, 1 / size, axis=1)
        means: Array = chosen @ columns
        spread = means[:, 0] - (means[:, 3:] ** 2).sum(axis=1)
        estimates[:, side, 0] = spread * size / (size - 1) - means[:, 2]
        estimates[:, side, 1] = means[:, 1] - means[:, 2]
    return estimates


def _half(kept: Sequence[TaskDraws], side: int, means: Array, targeted: bool) -> Half:
    sizes = [len(task.lengths) // 2 for task in kept]
    members = [slice(-size, None) if side else slice(size) for size in sizes]
    length = float(np.mean([np.sort(task.lengths)[half].mean() for task, half in zip(kept, members, strict=True)]))
    variance, error = float(means[0]), float(means[1])
    if not targeted:
        return Half(length, None, None, variance, None)
    return Half(length, error, error - variance, variance, variance / error if error > 0 else None)
