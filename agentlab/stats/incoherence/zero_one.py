"""Bias and variance under 0/1 loss, which do not add up without a factor of their own in every task.

Source: Domingos (2000, ICML, 231-238); the factor for more than two classes is exact where -1 holds for two only.
"""

from dataclasses import dataclass

import numpy as np

from agentlab.stats.incoherence.choices import Choices
from agentlab.stats.rows import Floats, Ints


@dataclass(frozen=True, slots=True)
class ZeroOne:
    """`error_t = bias_t + factor_t * variance_t`. The factor differs by task, so a ratio of sums means nothing here."""

    error_t: Floats
    """Share of draws that are wrong."""
    bias_t: Floats
    """1 where the mode is wrong, 0 where it is right; the wrong share of the modes where several tie."""
    variance_t: Floats
    """Share of draws that are not the mode."""
    factor_t: Floats
    """+1 where the mode is right, -P(gold | not the mode) where it is wrong; NaN where a wrong mode never varies."""
    draws_t: Ints


def zero_one(choices: Choices) -> ZeroOne:
    """With `p = E f` and mode m: error `1 - p[gold]`, variance `1 - p[m]`, bias `1{m != gold}`.

    Votes count as they are; a stated vector counts as the probabilities of what it would answer. Where modes tie
    (within 1e-12) bias and factor are their average over the modes, so that no order of classes matters; the
    identity holds all the same.
    """
    gold, p = choices.right(), choices.rows.mean(choices.probabilities)
    right = p[np.arange(len(gold)), gold]
    top: Floats = p.max(axis=1)
    modes = p >= top[:, None] - 1e-12
    hit = modes[np.arange(len(gold)), gold] / modes.sum(axis=1)
    variance = np.where(top >= 1 - 1e-12, 0.0, 1 - top)
    takes = hit * variance - (1 - hit) * right
    factor = np.where(hit == 1, 1.0, np.divide(takes, variance, out=np.full(len(gold), np.nan), where=variance > 0))
    return ZeroOne(1 - right, 1 - hit, variance, factor, choices.rows.counts_t)
