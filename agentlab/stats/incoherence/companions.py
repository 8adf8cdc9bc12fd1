"""What is read next to incoherence: how often a model is right, how steady, and whether its mistakes are the same.

All are of answers, one per draw; a draw's stated probabilities count as its most probable class. Sources: Graham,
Barsheshat, Blandfort and Alouache (2026), for the direct measures of steadiness; Miller (1955, in Quastler,
Information Theory in Psychology, 95-100), for the entropy's first-order correction.
"""

from dataclasses import dataclass, fields

import numpy as np

from agentlab.stats.incoherence.choices import Choices
from agentlab.stats.rows import Floats


@dataclass(frozen=True, slots=True)
class Companions:
    """Of each of T tasks; NaN where a task has none. p are the shares of its answers, q those among its wrong ones."""

    accuracy_t: Floats
    """p of the right answer."""
    entropy_t: Floats
    """`-sum p log p`, in nats: plug-in, too low by about (answers - 1) / (2 draws)."""
    entropy_corrected_t: Floats
    """The same with (answers seen - 1) / (2 draws) added (Miller and Madow)."""
    disagreement_t: Floats
    """Chance that two different draws disagree: `1 - sum p²`, unbiased."""
    flip_t: Floats
    """Share of draws that do not give the most frequent answer."""
    lapse_t: Floats
    """Share of wrong draws where the right answer is the most frequent one alone; NaN elsewhere."""
    unanimous_wrong_t: Floats
    """1 where all draws give the same wrong answer, else 0."""
    wrong_dispersion_t: Floats
    """`D = (1 - sum q²)(C - 1)/(C - 2)`: 0 when wrong it is always the same wrong, 1 when evenly spread over C - 1
    wrong answers. Free of accuracy. NaN for two classes or no wrong draw. `1 - sum q²` for open answers, which have no
    C. C counts the choices given, whatever any arm did: an output without an answer is one more way to be wrong, by
    which D may pass 1. Plug-in: with w wrong draws too low by a factor of 1 - 1/w on average."""
    wrong_dispersion_unbiased_t: Floats
    """The same from pairs of different wrong draws, `1 - sum q²` times w / (w - 1), which few of them may
    bring above 1; NaN under two wrong draws."""


@dataclass(frozen=True, slots=True)
class Total:
    """A mean over the tasks that have a value, each weighing the same; None without any."""

    value: float | None
    tasks: int


def companions(choices: Choices) -> Companions:
    """All of them; those about right and wrong are NaN throughout where `choices` has no right answers."""
    answers, groups = choices.answers, choices.rows
    p = groups.mean(answers)
    k = groups.counts_t
    top: Floats = p.max(axis=1)
    logs = np.log(p, out=np.zeros_like(p), where=p > 0)
    entropy = np.maximum(-(p * logs).sum(axis=1), 0.0)
    agree = (groups.sum(answers) ** 2 - groups.sum(answers**2)).sum(axis=1) / (k * (k - 1))
    right, lapse, unanimous = _right(choices, p)
    plug_in, unbiased = _wrong_dispersion(choices, p)
    return Companions(
        accuracy_t=right,
        entropy_t=entropy,
        entropy_corrected_t=entropy + ((p > 0).sum(axis=1) - 1) / (2 * k),
        disagreement_t=1 - agree,
        flip_t=np.maximum(1 - top, 0.0),
        lapse_t=lapse,
        unanimous_wrong_t=unanimous,
        wrong_dispersion_t=plug_in,
        wrong_dispersion_unbiased_t=unbiased,
    )


def totals(companions: Companions) -> dict[str, Total]:
    """Each companion over all tasks, by its name without the `_t`."""
    return {field.name.removesuffix("_t"): _total(getattr(companions, field.name)) for field in fields(companions)}


def wrong_pairs(choices: Choices) -> tuple[Floats, Floats]:
    """Chance that two different draws of a task are both wrong, and that they are wrong in different ways; shape (T,).

    Both are unbiased; the second over the first is `1 - sum q²` from pairs.
    """
    gold, groups = choices.right(), choices.rows
    wrong = choices.answers
    wrong[np.arange(len(wrong)), gold[groups.codes]] = 0.0
    each: Floats = wrong.sum(axis=1)
    pairs = groups.counts_t * (groups.counts_t - 1)
    both = (groups.sum(each) ** 2 - groups.sum(each**2)) / pairs
    same = (groups.sum(wrong) ** 2 - groups.sum(wrong**2)).sum(axis=1) / pairs
    return both, both - same


def _right(choices: Choices, p: Floats) -> tuple[Floats, Floats, Floats]:
    """Accuracy, lapse rate and whether all draws are wrong in one way."""
    if choices.gold_t is None:
        return _nothing(p), _nothing(p), _nothing(p)
    right, top = p[np.arange(len(p)), choices.gold_t], p.max(axis=1)
    alone = (right >= top - 1e-12) & ((p >= top[:, None] - 1e-12).sum(axis=1) == 1)
    unanimous = (top >= 1 - 1e-12) & (right < 0.5)
    return right, np.where(alone, 1 - right, np.nan), unanimous.astype(np.float64)


def _wrong_dispersion(choices: Choices, p: Floats) -> tuple[Floats, Floats]:
    """D as a plug-in and from pairs."""
    if choices.gold_t is None:
        return _nothing(p), _nothing(p)
    wrong = p.copy()
    wrong[np.arange(len(p)), choices.gold_t] = 0.0
    whole: Floats = wrong.sum(axis=1)
    q = np.divide(wrong, whole[:, None], out=np.full_like(wrong, np.nan), where=whole[:, None] > 1e-12)
    both, differ = wrong_pairs(choices)
    pairs = np.divide(differ, both, out=_nothing(p), where=both > 1e-12)
    scale = _scale(choices)
    return scale * (1 - (q**2).sum(axis=1)), scale * pairs


def _scale(choices: Choices) -> Floats:
    """`(C - 1)/(C - 2)`, by which even spread is 1; 1 where C is not fixed, NaN for two classes."""
    classes = choices.classes_t.astype(np.float64) - choices.outside
    if choices.open:
        return np.ones_like(classes)
    return np.divide(classes - 1, classes - 2, out=_nothing(classes), where=classes > 2)


def _nothing(like: Floats) -> Floats:
    return np.full(len(like), np.nan)


def _total(values: Floats) -> Total:
    known = values[~np.isnan(values)]
    return Total(float(known.mean()) if len(known) else None, len(known))
