"""Means of what people would say, from a judge's scores of everything and people's labels of a sample (PPI, PPI++).

The judge's mean is corrected by the mean error that its own labels show. A condition carries its own labels, for errors
of a judge on one system say nothing of its errors on another. Sources: Angelopoulos et al. (2023, arXiv 2301.09633;
2023, arXiv 2311.01453) for the estimators; Hajek (1971) for unequal probabilities; arXiv 2605.06939 for shared labels.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agentlab.stats.interval import Interval, t_interval

Array = NDArray[np.float64]
FEWEST = 3
"""Labelled items, or clusters with a labelled item, under which there is no interval."""


@dataclass(frozen=True, slots=True)
class LabelledScores:
    """One condition: the judge's score of every item and people's labels of some of them, all of shape (items,)."""

    scores: ArrayLike
    labels: ArrayLike
    """On the scale of `scores`; NaN for an item without one."""
    probability: ArrayLike
    """With which an item was drawn to be labelled, above 0 and at most 1; it is read where there is a label."""
    clusters: Sequence[Hashable] | None = None
    """What is independent of each other, such as tasks; by default every item."""
    weights: ArrayLike | None = None
    """Of items in the mean, above 0; by default all the same."""
    certain: ArrayLike | None = None
    """Which labels are certain and were not given by people, such as the value of a status; by default none. They are
    part of the mean, but nothing is learned from them of how labels vary."""


@dataclass(frozen=True, slots=True)
class Corrected:
    """A mean, or a difference of two, on people's scale."""

    value: float | None
    """None without a label."""
    interval: Interval | None
    power: float | tuple[float, float] | None
    """Lambda, how much the judge counts: 0 is labels only, 1 is PPI. Of a difference: of both conditions."""
    judge: float
    """The judge's uncorrected mean, or difference."""
    items: int
    labels: int
    note: str = ""
    """Why there is no value or no interval."""


@dataclass(frozen=True, slots=True)
class _Part:
    value: float
    influence: Array
    """Of each item on the value; they sum to 0, and the sum of squares of their sums by cluster is the variance."""
    power: float
    chosen: bool


def mean(judged: LabelledScores, power: float | None = None, level: float = 0.95) -> Corrected:
    """`lam mean_N(F) + mean_n(Y - lam F)`: n labelled items with label Y, N others, score F.

    By default `lam = Cov(Y, F) / ((1 + n/N) Var F)`, clipped to [0, 1] (PPI++); `power` sets it: 1 is PPI, 0 the labels
    alone. As `mean_N(F) - mean_n(F)` is `(1 + n/N)` times the gap between the mean of all and that of the labelled,
    this is `L mean_all(F) + mean_n(Y - L F)`, `L = (1 + n/N) lam`, which stays right under unequal probabilities p with
    `mean_n` weighted by 1/p (Hajek). The variance is the sum over clusters of squared influences, times G/(G - 1) for G
    clusters with a label; with none it is `lam^2 Var(F)/N + Var(Y - lam F)/n`. t has G - 1 degrees of freedom, one less
    where lambda was chosen: the labels carry most of the variance. Raises ValueError for values that are not finite, a
    probability that is missing or not in (0, 1], and a lambda outside [0, 1].
    """
    scores, labels, _, weights = checked(judged)
    there = ~np.isnan(labels)
    part, judge = _part(judged, power), float(weights @ scores)
    if part is None:
        return Corrected(None, None, None, judge, len(scores), 0, "no labels: the mean is uncorrected")
    names = _names(judged)
    given = there & ~_certain(judged)
    interval, note = _interval(part.value, [(names, part, given)], level)
    return Corrected(part.value, interval, part.power, judge, len(scores), int(given.sum()), note)


def difference(a: LabelledScores, b: LabelledScores, power: float | None = None, level: float = 0.95) -> Corrected:
    """`mean(a) - mean(b)`, each corrected by its own labels, paired by the clusters that both name alike.

    A cluster's influence on the difference is that on a minus that on b, so what tasks or pairs have in common cancels;
    with pairs as clusters it is the paired difference. Degrees of freedom are those of the condition with fewer labels.
    Raises ValueError when clusters are missing: without them nothing is paired.
    """
    if a.clusters is None or b.clusters is None:
        raise ValueError("a difference is paired by clusters: give both conditions the names of pairs or tasks")
    parts = [_part(side, power) for side in (a, b)]
    read = [checked(side) for side in (a, b)]
    judge = float(read[0][3] @ read[0][0] - read[1][3] @ read[1][0])
    there = [~np.isnan(labels) & ~_certain(side) for side, (_, labels, _, _) in zip((a, b), read, strict=True)]
    items, labels = sum(map(len, there)), int(sum(labelled.sum() for labelled in there))
    of_a, of_b = parts
    if of_a is None or of_b is None:
        which = " and ".join(
            name for name, part in zip(("the first", "the second"), parts, strict=True) if part is None
        )
        why = f"{which} has no labels of its own, and labels of other conditions cannot correct it: uncorrected"
        return Corrected(None, None, None, judge, items, labels, why)
    turned = _Part(of_b.value, -of_b.influence, of_b.power, of_b.chosen)
    value = of_a.value - of_b.value
    interval, note = _interval(value, [(_names(a), of_a, there[0]), (_names(b), turned, there[1])], level)
    return Corrected(value, interval, (of_a.power, of_b.power), judge, items, labels, note)


def _part(judged: LabelledScores, power: float | None) -> _Part | None:
    f, labels, p, a = checked(judged)
    there = ~np.isnan(labels)
    n, rest = int(there.sum()), int((~there).sum())
    if not n:
        return None
    if power is not None and not 0 <= power <= 1:
        raise ValueError(f"lambda {power} is not between 0 and 1")
    y = np.where(there, labels, 0.0)
    w = np.where(there, a / np.where(there, p, 1.0), 0.0)
    w /= w.sum()
    lam = (_best(f, y, w, n, rest) if power is None else power) if rest else 0.0
    whole = lam * (1 + n / rest) if rest else 0.0
    error = np.where(there, y - whole * f, 0.0)
    value = whole * float(a @ f) + float(w @ error)
    influence = whole * a * (f - float(a @ f)) + w * (error - float(w @ error))
    return _Part(value, influence, lam, power is None and lam > 0)


def _best(f: Array, y: Array, w: Array, n: int, rest: int) -> float:
    """Lambda with the least variance under equal probabilities, in [0, 1]; under others it is as valid as any."""
    spread = float(f.var())
    if n < 2 or spread <= 1e-24 * max(1.0, float(np.abs(f).max()) ** 2):
        return 0.0
    covariance = float(w @ ((y - w @ y) * (f - w @ f))) * n / (n - 1)
    return min(max(covariance / ((1 + n / rest) * spread), 0.0), 1.0)


def _interval(
    value: float, parts: Sequence[tuple[Sequence[Hashable], _Part, NDArray[np.bool_]]], level: float
) -> tuple[Interval | None, str]:
    labelled = [len({name for name, kept in zip(names, there, strict=True) if kept}) for names, _, there in parts]
    fewest = min(labelled)
    if fewest < FEWEST:
        return None, f"no interval: only {fewest} independent items or clusters have labels, and {FEWEST} are needed"
    known: dict[Hashable, int] = {}
    codes = [known.setdefault(name, len(known)) for names, _, _ in parts for name in names]
    sums = np.bincount(codes, np.concatenate([part.influence for _, part, _ in parts]))
    variance = float(sums @ sums) * fewest / (fewest - 1)
    if variance <= 1e-24 * max(1.0, value**2):
        return None, "no interval: labels and scores do not vary"
    df = fewest - 1 - any(part.chosen for _, part, _ in parts)
    return t_interval(value, variance**0.5, df, level), ""


def _certain(judged: LabelledScores) -> NDArray[np.bool_]:
    given = False if judged.certain is None else np.asarray(judged.certain, dtype=np.bool_)
    return np.broadcast_to(given, np.shape(judged.scores))


def _names(judged: LabelledScores) -> Sequence[Hashable]:
    return range(np.size(judged.scores)) if judged.clusters is None else judged.clusters


def checked(judged: LabelledScores) -> tuple[Array, Array, Array, Array]:
    """Scores, labels, probabilities and weights that sum to 1."""
    scores, labels, p = (np.asarray(x, dtype=np.float64) for x in (judged.scores, judged.labels, judged.probability))
    p = np.broadcast_to(p, labels.shape)
    a = np.ones_like(scores) if judged.weights is None else np.asarray(judged.weights, dtype=np.float64)
    if scores.ndim != 1 or not len(scores) or not scores.shape == labels.shape == a.shape:
        raise ValueError(f"scores, labels and weights have one shape (items,), not {scores.shape} and {labels.shape}")
    if judged.clusters is not None and len(judged.clusters) != len(scores):
        raise ValueError(f"{len(judged.clusters)} clusters for {len(scores)} items: one for each is right")
    if not np.isfinite(scores).all() or np.isinf(labels).any():
        raise ValueError("every score is finite, and so is every label but NaN for none; leave out what is not scored")
    probabilities = p[~np.isnan(labels)]
    if not ((probabilities > 0) & (probabilities <= 1)).all():
        raise ValueError("every label needs the probability its item was drawn with, above 0 and at most 1")
    if not (np.isfinite(a) & (a > 0)).all():
        raise ValueError("weights are above 0 and finite")
    return scores, labels, p, a / a.sum()
