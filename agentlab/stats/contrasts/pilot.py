"""What blurs a paired difference, estimated from a pilot, with how far it may be underestimated.

`d_tr = a_tr - b_tr` for task t and draw r, G tasks of `n_t` pairs: `V = E var_r(d_tr)` pooled within tasks, and
`between^2 = var_t(d_t) - V / n`, n the harmonic mean of the `n_t` (unweighted means; Burdick & Graybill 1992).
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from agentlab.stats.components.mls import limits
from agentlab.stats.contrasts.power import OutcomeNoise
from agentlab.stats.rows import codes_of

Array = NDArray[np.float64]
SURE = 0.8
"""With this probability a variance is at most its limit: what an underestimate costs is an experiment too small."""


@dataclass(frozen=True, slots=True)
class JudgeVariance:
    """A judge's noise: the variance of one judge draw, and how many draws of a rollout a score is the mean of."""

    variance: float
    inverse: float
    """Mean of one over the number of draws, in the pilot; 0 for a rollout whose status alone decides its score."""
    planned: float
    """The same in the experiment."""


@dataclass(frozen=True, slots=True)
class Pilot:
    """Components of a pilot; for the number of judge draws that is planned, where the judge is known."""

    noise: OutcomeNoise
    upper: OutcomeNoise
    """Within and between at their 80 % upper limits; the correlation as it was found."""
    judge_sd: float | None
    """Of the judge's part of a score, within the planned `noise.within`."""
    tasks: int
    pairs: int


def pilot(
    tasks: Sequence[Hashable],
    a: ArrayLike,
    b: ArrayLike,
    judge: JudgeVariance | None = None,
    replicates: Sequence[Hashable] | None = None,
) -> Pilot:
    """Components from the complete pairs: row i holds both arms' values in one draw of `tasks[i]`, NaN if missing.

    With `replicates`, shape (rows,), the training that each row is of, V is pooled within tasks and replicates. A
    between variance below 0 is 0, and its limit keeps what it may be. Raises ValueError without two tasks of which one
    has two complete pairs (in one replicate).
    """
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    kept = np.isfinite(x) & np.isfinite(y)
    codes = codes_of(compress(tasks, kept))
    cells = codes if replicates is None else codes_of(compress(zip(tasks, replicates, strict=True), kept))
    x, y = x[kept], y[kept]
    size, df = len(set(codes.tolist())), len(x) - len(set(cells.tolist()))
    if size < 2 or df < 1:
        raise ValueError(
            f"{size} tasks with {len(x)} pairs: a pilot needs 2 tasks, and 2 pairs on at least one of them"
        )
    n_t = np.bincount(codes).astype(np.float64)
    d_t = np.bincount(codes, x - y) / n_t
    total, of_arm = _pooled(x - y, cells, df), (_pooled(x, cells, df) + _pooled(y, cells, df)) / 2
    mean_square, share = float(d_t.var(ddof=1)), float((1 / n_t).mean())
    squares, freedom = np.array([mean_square, total]), np.array([size - 1.0, float(df)])
    _, most = limits(np.array([1.0, -share]), squares, freedom, level=2 * SURE - 1)
    more = df / float(special.chdtri(df, SURE))
    added = 0.0 if judge is None else judge.variance * (judge.planned - judge.inverse)
    within, of_pair = max(0.0, of_arm + added), max(0.0, total + 2 * added)
    correlation = max(-1.0, min(1.0, 1 - of_pair / (2 * within))) if within else 0.0
    between = mean_square - total * share
    return Pilot(
        OutcomeNoise(math.sqrt(within), math.sqrt(max(0.0, between)), correlation),
        OutcomeNoise(math.sqrt(within * more), math.sqrt(max(0.0, most)), correlation),
        None if judge is None else math.sqrt(judge.variance * judge.planned),
        size,
        len(x),
    )


def training_sds(a: ArrayLike, b: ArrayLike, draws: float, noise: OutcomeNoise, gain: bool) -> tuple[float, float]:
    """The SD of an arm's mean over trainings, and its 80 % upper limit, from the means of the loops of two arms, each
    over so many `draws`; with `gain`, loop i of both is one loop in two generations, and the SD is that of its gain.

    What draws add is subtracted. Raises ValueError where an arm has one loop.
    """
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if min(len(x), len(y)) < 2:
        raise ValueError("an SD over trainings takes two loops of each arm")
    chance = noise.within**2 / draws * (2 * (1 - noise.correlation) if gain else 1)
    df = len(x) - 1 if gain else len(x) + len(y) - 2
    squares = (
        float(np.square(x - y - (x - y).mean()).sum())
        if gain
        else float(np.square(x - x.mean()).sum() + np.square(y - y.mean()).sum())
    )
    return math.sqrt(max(0.0, squares / df - chance)), math.sqrt(
        max(0.0, squares / float(special.chdtri(df, SURE)) - chance)
    )


def _pooled(values: Array, codes: NDArray[np.intp], df: int) -> float:
    means = np.bincount(codes, values) / np.bincount(codes)
    return float(np.square(values - means[codes]).sum()) / df
