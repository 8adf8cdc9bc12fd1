"""Score variance: the variance of a rollout's score over draws of a task, net of the judge's noise.

`score_variance = S^2_between - sigma^2_w mean(1/J)`, with `S^2_between` of the rollouts' mean scores within a task,
`sigma^2_w` of one judge draw, pooled within all rollouts, and J judge draws of a rollout. A single task's value may be
negative and is left so: sums and means are right only because none is clipped.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from agentlab.stats.components.components import JUDGED, Component, checked, components
from agentlab.stats.components.nested import products

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ScoreVariance:
    """The score variance within tasks, and the reliability of a rollout's mean. None: judge noise not separable."""

    variance: Component
    """Pooled over tasks by degrees of freedom, with MLS limits."""
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
    """Limits of the reliability by the F distribution of `between / noise`: exact with equal numbers."""
    notes: tuple[str, ...]


def score_variance(
    tasks: Sequence[str] | ArrayLike,
    draws: Sequence[str] | ArrayLike,
    values: ArrayLike,
    *,
    level: float = 0.95,
    deterministic: bool = False,
) -> ScoreVariance:
    """The score variance of rollouts that are told by task and draw, all of shape (N,), one value for each judge draw.

    It is about these tasks, so one of them is enough. Raises ValueError as `components` does.
    """
    y, design = checked((tasks, draws), values, JUDGED)
    found = components((tasks, draws), values, level=level, fixed=True, deterministic=deterministic)
    within, judged = products(design, y, y)[1:]
    pairs = design.children[1] - 1
    by_task = np.divide(within, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)
    between = float(within.sum() / pairs.sum())
    draw = found.of("draw")
    notes = replace(found, fixed="").notes  # it is about these tasks anyway
    if found.merged is not None:
        return ScoreVariance(draw, np.full(len(pairs), np.nan), between, None, None, None, None, None, notes)
    judge = float(judged.sum() / design.df[2])
    load = design.loads[1][:, 2]  # of (R_t - 1) mean(1/J)
    by_task -= judge * np.divide(load, pairs, out=np.zeros(len(pairs)), where=pairs > 0)
    noise = judge * float(load.sum() / pairs.sum())
    told: tuple[float | None, float | None, float | None] = (None, None, None)
    if between > 0 and draw.df is not None:
        ratio, tails = noise / between, np.array([1 - level, 1 + level]) / 2
        low, high = (1 - ratio / special.fdtri(float(design.df[2]), draw.df, tails)).tolist()
        told = (1 - ratio, low, high)
    return ScoreVariance(draw, by_task, between, judge, noise, *told, notes)
