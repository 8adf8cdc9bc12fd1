"""Bias² and variance of judged scores against a target, with the judge's own noise taken out.

A rollout judged J times has a mean that varies by the rollouts and by the judge; only the former is the variance of
what was judged. A judge's constant offset cannot be separated from bias, and counts as bias here.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from agentlab.stats.incoherence.decompose import Decomposition
from agentlab.stats.rows import Bools, Floats, Ints


@dataclass(frozen=True, slots=True)
class JudgedDecomposition:
    """The parts of T tasks' scores. Estimates are unbiased; negative ones stay, as clipping would bias their sums."""

    parts: Decomposition
    noise_t: Floats
    """What was taken out of the variance; 0 where it is not separable."""
    separable: bool
    """False where no rollout was judged twice, or where repeated judgments never differ."""
    judge_draws_t: Floats
    """Mean number of judgments per rollout."""
    mean_t: Floats
    """Mean over rollouts of their mean score."""
    room_t: Floats | None
    """`m(1 - m)`, the most variance a mean of m allows, unbiased; None unless scores and target lie as `cap` needs."""
    cap: float | None
    """The most the incoherence of the set can be, `sum m(1 - m) / sum (1 - m)` for target 1, at most the mean score;
    None unless all scores are in [0, 1] with target 1 in every task (or 0 in every task, with 1 - m for m)."""
    notes: tuple[str, ...]


def judged(scores: ArrayLike, target: ArrayLike) -> JudgedDecomposition:
    """Scores (T, R, J): T tasks of up to R draws judged up to J times, NaN where missing; target a number or (T,).

    `sigma²_w` is pooled within the rollouts of a task; `S²` is the variance of its R rollouts' means, their mean m:
    `VAR = S² - sigma²_w mean(1/J)`, `BIAS² = (m - target)² - S²/R`, `ERROR = BIAS² + VAR`. A task none of whose
    rollouts was judged twice borrows the sigma²_w of all others, and a note says so. Raises ValueError for a task with
    fewer than two judged draws.
    """
    x: Floats = np.asarray(scores, dtype=np.float64)
    if x.ndim != 3 or np.isinf(x).any():
        raise ValueError(f"scores of shape {x.shape}: finite ones of shape (tasks, draws, judge draws) are needed")
    goal: Floats = np.broadcast_to(np.asarray(target, dtype=np.float64), len(x))
    if not np.isfinite(goal).all():
        raise ValueError("target: a finite number is needed for every task")
    there = ~np.isnan(x)
    judgments: Ints = there.sum(axis=2)
    draws: Ints = (judgments > 0).sum(axis=1)
    few = np.flatnonzero(draws < 2)
    if len(few) or not len(x):
        raise ValueError(f"{len(few)} of {len(x)} tasks have fewer than the 2 judged draws that a variance needs")
    means_tr = _mean(x, there, judgments)
    mean_t = _mean(means_tr, judgments > 0, draws)
    between = _sum_of_squares(means_tr, judgments > 0, mean_t) / (draws - 1)
    inverse = _mean(1 / np.maximum(judgments, 1), judgments > 0, draws)
    sigma2, separable, notes = _within(x, there, means_tr, judgments)
    noise = sigma2 * inverse
    variance, bias2 = between - noise, (mean_t - goal) ** 2 - between / draws
    scale = float(max(np.abs(x[there]).max(), np.abs(goal).max()))
    floor = np.full(len(x), 1e-12 * scale**2)
    parts = Decomposition("score", bias2 + variance, bias2, variance, draws, floor, "unbiased")
    room = _room(x[there], goal, mean_t, between / draws)
    away = float(np.abs(mean_t - goal).sum())
    cap = None if room is None or away <= 1e-12 else min(1.0, float(room.sum()) / away)
    per_draw = judgments.sum(axis=1) / draws
    return JudgedDecomposition(parts, noise, separable, per_draw, mean_t, room, cap, notes)


def _within(x: Floats, there: Bools, means: Floats, judgments: Ints) -> tuple[Floats, bool, tuple[str, ...]]:
    """sigma²_w of each task, whether it can be estimated at all, and notes on it."""
    squares: Floats = _sum_of_squares(x, there, means).sum(axis=1)
    freedom: Ints = np.maximum(judgments - 1, 0).sum(axis=1)
    if not freedom.any():
        return np.zeros(len(x)), False, ("judge noise not separable: no rollout was judged twice",)
    if squares.max() <= 1e-24 * float(np.abs(x[there]).max()) ** 2:
        reason = "judge noise not separable: judgments of one rollout never differ, as at temperature 0"
        return np.zeros(len(x)), False, (reason,)
    alone = int((freedom == 0).sum())
    pooled = squares.sum() / freedom.sum()
    sigma2: Floats = np.where(freedom > 0, squares / np.maximum(freedom, 1), pooled)
    borrowed = (
        f"{alone} of {len(x)} tasks were judged once per rollout; their judge noise is "
        f"assumed equal to that of the others"
    )
    return sigma2, True, (borrowed,) if alone else ()


def _room(scores: Floats, goal: Floats, mean_t: Floats, error_t: Floats) -> Floats | None:
    """`m(1 - m)` plus the sampling variance of m, as `E m(1 - m) = mu(1 - mu) - Var m`."""
    if scores.min() < 0 or scores.max() > 1 or not ((goal == 1).all() or (goal == 0).all()):
        return None
    return mean_t * (1 - mean_t) + error_t


def _mean(x: Floats, there: Bools, counts: Ints) -> Floats:
    """Over the last axis; 0 where nothing is there."""
    return np.where(there, x, 0.0).sum(axis=-1) / np.maximum(counts, 1)


def _sum_of_squares(x: Floats, there: Bools, means: Floats) -> Floats:
    """Of what is there around its mean, over the last axis."""
    return (np.where(there, x - means[..., None], 0.0) ** 2).sum(axis=-1)
