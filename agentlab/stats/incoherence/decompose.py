"""Error = bias² + variance over the draws of a task, for answers with a right one.

The model and the task are fixed; what varies is the draw. Source: Hägele, Gema, Sleight, Perez and Sohl-Dickstein
(2026, arXiv 2601.23045); for KL also Heskes (1998, Neural Computation 10, 1425-1433).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from agentlab.stats.incoherence.choices import Choices
from agentlab.stats.rows import Floats, Ints, Rows

DELTA = 1e-12
DELTAS = (1e-12, 1e-6, 1e-3, 1e-2)
"""For the sweep: with stated probabilities the ratio depends on delta."""

Loss = Literal["kl", "brier", "coverage", "norm", "score"]


@dataclass(frozen=True, slots=True)
class Decomposition:
    """Error, bias² and variance of T tasks; `error_t = bias2_t + variance_t` to rounding."""

    loss: Loss
    error_t: Floats
    bias2_t: Floats
    variance_t: Floats
    draws_t: Ints
    floor_t: Floats
    """Error which smoothing or rounding alone makes of a task without any; up to it there is none."""
    estimate: Literal["plug-in", "unbiased"] = "plug-in"
    """The plug-in moves a share of the variance, 1 / draws on average, into bias²."""

    @property
    def error(self) -> float:
        """Mean over tasks, as are `bias2` and `variance`."""
        return float(self.error_t.mean())

    @property
    def bias2(self) -> float:
        return float(self.bias2_t.mean())

    @property
    def variance(self) -> float:
        return float(self.variance_t.mean())


@dataclass(frozen=True, slots=True)
class DrawSpread:
    """Mean squared distance of T tasks' draws to their mean: a variance with no bias, so no incoherence, beside it."""

    plug_in_t: Floats
    unbiased_t: Floats
    draws_t: Ints


def kl(choices: Choices, delta: float = DELTA) -> Decomposition:
    """Cross-entropy, in nats: `-E log f[gold] = KL(y || centre) + E KL(centre || f)`.

    With `f = (p + delta) / (1 + C delta)` for C classes, the centre is the normalised geometric mean
    `exp(E log f) / Z`, `Z = sum_c exp(E log f[c])`; then variance = -log Z and bias² = error + log Z. Plug-in: no
    unbiased form is known, and near ties 30 draws are too few for a single task. Raises ValueError unless delta > 0.
    """
    if not delta > 0:
        raise ValueError(f"delta {delta!r}: a vote gives a class probability 0, whose logarithm needs delta > 0")
    gold, groups, classes = choices.right(), choices.rows, choices.classes_t
    log_f = np.log(choices.probabilities + delta)
    mean_log = groups.mean(log_f) - np.log1p(classes * delta)[:, None]
    mean_log[~choices.inside] = -np.inf
    log_z: Floats = np.logaddexp.reduce(mean_log, axis=1)
    error = -mean_log[np.arange(len(gold)), gold]
    # Z is at most 1 and the centre at most 1 (geometric below arithmetic mean), but for rounding.
    variance, bias2 = np.maximum(-log_z, 0.0), np.maximum(error + log_z, 0.0)
    floor = (np.log1p(classes * delta) - np.log1p(delta)) * (1 + 1e-9) + 1e-15
    return Decomposition("kl", error, bias2, variance, groups.counts_t, floor)


def delta_sweep(choices: Choices, deltas: Sequence[float] = DELTAS) -> dict[float, Decomposition]:
    """`kl` at each delta. Votes barely move, as every term is close to a multiple of -log delta; probabilities do."""
    return {delta: kl(choices, delta) for delta in deltas}


def brier(choices: Choices) -> Decomposition:
    """Squared distance: `E|y - f|² = |y - E f|² + E|f - E f|²`, between 0 and 2; plug-in, see `unbiased`."""
    gold = choices.right()
    truth: Floats = np.zeros(choices.inside.shape)
    truth[np.arange(len(gold)), gold] = 1.0
    return squared("brier", choices.rows, choices.probabilities, truth)


def squared(loss: Loss, groups: Rows, points: Floats, targets: Floats) -> Decomposition:
    """`E|x - y|² = |y - E x|² + E|x - E x|²` for `points` (N, D) and `targets` (T, D); plug-in, see `unbiased`."""
    centre = groups.mean(points)
    variance = groups.mean(((points - centre[groups.codes]) ** 2).sum(axis=1))
    bias2 = ((targets - centre) ** 2).sum(axis=1)
    error = groups.mean(((points - targets[groups.codes]) ** 2).sum(axis=1))
    largest = max(float(np.abs(points).max(initial=0.0)), float(np.abs(targets).max(initial=0.0)))
    floor = np.full(len(error), 1e-24 * points.shape[1] * largest**2)
    return Decomposition(loss, error, bias2, variance, groups.counts_t, floor)


def unbiased(plug_in: Decomposition) -> Decomposition:
    """`VAR_u = K / (K - 1) VAR`, `BIAS2_u = BIAS2 - VAR_u / K` for K draws, error as it was; for squared distances.

    A task's bias² may be negative and stays so: clipped, a sum over tasks would be biased. Raises ValueError for KL,
    for which no such form is known, and for what is unbiased already.
    """
    if plug_in.loss == "kl" or plug_in.estimate == "unbiased":
        raise ValueError(f"{plug_in.loss}, {plug_in.estimate}: only a plug-in of a squared distance can be corrected")
    k = plug_in.draws_t
    variance = plug_in.variance_t * k / (k - 1)
    return replace(plug_in, variance_t=variance, bias2_t=plug_in.bias2_t - variance / k, estimate="unbiased")


def spread(groups: Rows, points: Floats) -> DrawSpread:
    """`E|x - E x|²` of `points` (N, D) in each task, and K / (K - 1) times it, which is unbiased."""
    centre = groups.mean(points)
    variance = groups.mean(((points - centre[groups.codes]) ** 2).sum(axis=1))
    k = groups.counts_t
    return DrawSpread(variance, variance * k / (k - 1), k)
