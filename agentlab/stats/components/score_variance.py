"""Score variance: the variance of a rollout's score over draws of a task, net of the judge's noise.

`score_variance = S^2_between - sigma^2_w mean(1/J)`, with `S^2_between` of the rollouts' mean scores within a task,
`sigma^2_w` of one judge draw, pooled within all rollouts, and J judge draws of a rollout. A single task's value may be
negative and is left so: sums and means are right only because none is clipped.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agentlab.stats.components.components import JUDGED, Component, checked, components
from agentlab.stats.components.mean_squares import mean_squares
from agentlab.stats.components.nested import products
from agentlab.stats.contrasts.paired import FEWEST_TASKS
from agentlab.stats.jackknife import bent, deviations

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ScoreVariance:
    """The score variance within tasks, and the reliability of a rollout's mean. None: judge noise not separable."""

    variance: Component
    """Pooled over tasks by degrees of freedom; limits leave out one draw at a time."""
    by_task: Array
    """Shape (tasks,), tasks in sorted order; NaN for a task with one draw."""
    between: float
    """`S^2_between`, pooled alike: the judge's noise is still in it."""
    judge: float | None
    """`sigma^2_w`."""
    noise: float | None
    """`sigma^2_w mean(1/J)`, over the rollouts that `between` is of."""
    reliability: float | None
    """Of a rollout's mean score among rollouts of its task: `1 - noise / between`; it may be negative."""
    low: float | None
    high: float | None
    """Limits of the reliability by the jackknife-t of log `noise / between`, leaving out one draw at a time."""
    notes: tuple[str, ...]


def score_variance(
    tasks: Sequence[str] | ArrayLike,
    draws: Sequence[str] | ArrayLike,
    values: ArrayLike,
    *,
    level: float = 0.95,
    deterministic: bool = False,
) -> ScoreVariance:
    """The score variance of rollouts, each known by its task and draw; all of shape (N,), a value for each judge draw.

    It is about these tasks, so one of them is enough. Raises ValueError as `components` does.
    """
    y, design = checked((tasks, draws), values, JUDGED)
    estimates = components((tasks, draws), values, level=level, fixed=True, deterministic=deterministic)
    within, judged = products(design, y, y)[1:]
    pairs = design.children[1] - 1
    by_task = np.divide(within, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)
    between = float(within.sum() / pairs.sum())
    draw = estimates.of("draw")
    notes = replace(estimates, fixed="").notes  # it is about these tasks anyway
    if estimates.merged is not None:
        return ScoreVariance(draw, np.full(len(pairs), np.nan), between, None, None, None, None, None, notes)
    judge = float(judged.sum() / design.df[2])
    load = design.loads[1][:, 2]  # of (R_t - 1) mean(1/J)
    by_task -= judge * np.divide(load, pairs, out=np.zeros(len(pairs)), where=pairs > 0)
    noise = judge * float(load.sum() / pairs.sum())
    ends: tuple[float | None, float | None] = (None, None)
    squares = mean_squares(design, y, JUDGED[1], at=1)
    if squares.df >= FEWEST_TASKS - 1 and noise > 0 and (squares.without[:, 1:] > 0).all():
        without = deviations(np.log(squares.without[:, 2] / squares.without[:, 1]), squares.strata)
        low, high = np.exp(bent(float(np.log(noise / between)), without, squares.df, level)).tolist()
        ends = (1 - high, 1 - low)
    reliability = 1 - noise / between if between > 0 else None
    return ScoreVariance(draw, by_task, between, judge, noise, reliability, *ends, notes)
