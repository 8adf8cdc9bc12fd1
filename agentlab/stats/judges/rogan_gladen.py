"""The share that people would call positive, from a yes-or-no judge whose errors its labels show (Rogan-Gladen).

`theta = (p + spec - 1) / (sens + spec - 1)` for the judge's share of positives p. Unlike a prediction-powered mean it
stays right when labels come from where positives are more or less frequent; its interval is often wider than that of
the labels alone. Sources: Rogan and Gladen (1978, Am. J. Epidemiol. 107, 71); Lang and Reiczigel (2014, Prev. Vet.
Med. 113, 13-22) for the interval; Lee et al. (2025, arXiv 2511.21140) for judges.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agentlab.stats.interval import t_quantile
from agentlab.stats.judges.ppi import FEWEST, LabelledScores, checked

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Prevalence:
    """A corrected share with its interval, both within [0, 1]."""

    value: float | None
    low: float | None
    high: float | None
    judge: float
    """The judge's uncorrected share."""
    sensitivity: float | None
    """Of what people call positive, the share that the judge calls so; None without such a label."""
    specificity: float | None
    """The same of negatives."""
    positives: int
    negatives: int
    """Labels of either kind."""
    items: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Errors:
    """`y`: people's labels, 0 where there is none; `w1`, `w0`: weights of labelled positives and negatives, sum 1."""

    f: Array
    a: Array
    y: Array
    w1: Array
    w0: Array

    @property
    def rates(self) -> tuple[float, float]:
        return float(self.w1 @ self.f), float(self.w0 @ (1 - self.f))


def prevalence(judged: LabelledScores, level: float = 0.95) -> Prevalence:
    """The corrected share of one condition, from its own labels; scores and labels are 0 or 1, else ValueError.

    The interval is Lang and Reiczigel's: with `p' = (N p + z^2/2)/(N + z^2)`, `q' = (m q + 1)/(m + 2)` for sensitivity
    and specificity q of m labels, and theta' of these, it is
    `theta' + 2 z^2 (theta' s'(1 - s')/(m1 + 2) - (1 - theta') c'(1 - c')/(m0 + 2)) ± z sqrt(V') / (s' + c' - 1)`,
    `V' = p'(1 - p')/(N + z^2) + theta'^2 s'(1 - s')/(m1 + 2) + (1 - theta')^2 c'(1 - c')/(m0 + 2)`.
    Under unequal probabilities and weights m and N are Kish's effective sizes `(sum w)^2 / sum w^2`. With clusters z
    becomes t on G - 1 degrees of freedom and the margin grows by the root of the design effect of the linearised
    estimate, never under 1. That labelled items count in p too makes the interval wider than it need be.
    """
    f, labels, p, a = checked(judged)
    there = ~np.isnan(labels)
    if not (np.isin(f, (0, 1)).all() and np.isin(labels[there], (0, 1)).all()):
        raise ValueError("scores and labels must be 0 or 1 to be corrected for misclassification")
    y = np.where(there, labels, 0.0)
    w = np.where(there, a / np.where(there, p, 1.0), 0.0)
    ones, zeros = int(y.sum()), int(there.sum() - y.sum())
    share = float(a @ f)
    if not ones or not zeros:
        lacking = "labels" if not there.any() else "label of a positive" if not ones else "label of a negative"
        return Prevalence(None, None, None, share, None, None, ones, zeros, len(f), f"no {lacking}: uncorrected")
    errors = _Errors(f, a, y, w * y / (w @ y), w * (1 - y) / (w @ (1 - y)))
    sens, spec = errors.rates
    plain = (share, sens, spec, ones, zeros, len(f))
    if sens + spec <= 1:
        why = (
            f"sensitivity {sens:.2f} and specificity {spec:.2f}: the judge does not "
            f"discriminate, so no correction is made"
        )
        return Prevalence(None, None, None, *plain, why)
    value = (share + spec - 1) / (sens + spec - 1)
    low, high, note = _limits(errors, value, judged.clusters, level)
    outside = "" if 0 <= value <= 1 else f"the estimate {value:.2f} is outside [0, 1] and is set to the nearest limit"
    return Prevalence(min(max(value, 0.0), 1.0), low, high, *plain, "; ".join(filter(None, (outside, note))))


def _limits(
    errors: _Errors, value: float, clusters: Sequence[object] | None, level: float
) -> tuple[float | None, float | None, str]:
    effect, df = 1.0, np.inf
    if clusters is not None:
        effect, groups = _design_effect(errors, value, clusters)
        if groups < FEWEST:
            return None, None, f"no interval: labels of {groups} clusters, and {FEWEST} are needed"
        df = groups - 1
    z = t_quantile(df, level)
    share, (sens, spec) = float(errors.a @ errors.f), errors.rates
    size, m1, m0 = (1 / float(w @ w) for w in (errors.a, errors.w1, errors.w0))
    p, s, c = (size * share + z * z / 2) / (size + z * z), (m1 * sens + 1) / (m1 + 2), (m0 * spec + 1) / (m0 + 2)
    if s + c <= 1:
        return None, None, "no interval: with so few labels, the judge may not discriminate at all"
    theta = (p + c - 1) / (s + c - 1)
    noise_s, noise_c = s * (1 - s) / (m1 + 2), c * (1 - c) / (m0 + 2)
    shift = 2 * z * z * (theta * noise_s - (1 - theta) * noise_c)
    spread = p * (1 - p) / (size + z * z) + theta**2 * noise_s + (1 - theta) ** 2 * noise_c
    margin = z * float(np.sqrt(spread * effect)) / (s + c - 1)
    low, high = (min(max(theta + shift + sign * margin, 0.0), 1.0) for sign in (-1, 1))
    return low, high, ""


def _design_effect(errors: _Errors, value: float, clusters: Sequence[object]) -> tuple[float, int]:
    """Variance of the linearised estimate by clusters over that by items, at least 1; and clusters with a label."""
    f, (sens, spec) = errors.f, errors.rates
    influence = errors.a * (f - float(errors.a @ f)) - value * errors.w1 * (f - sens)
    influence += (1 - value) * errors.w0 * (1 - f - spec)
    known: dict[object, int] = {}
    codes = np.array([known.setdefault(name, len(known)) for name in clusters], dtype=np.intp)
    groups = len(np.unique(codes[(errors.w1 + errors.w0) > 0]))
    sums, single = np.bincount(codes, influence), float(influence @ influence)
    if groups < 2 or single <= 0:
        return 1.0, groups
    return max(1.0, float(sums @ sums) / single * groups / (groups - 1)), groups
