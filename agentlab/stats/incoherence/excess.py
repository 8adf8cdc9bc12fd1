"""How far two conditions differ in incoherence beyond what their accuracies make of it.

The null: condition b keeps its own accuracy on every task, but its wrong answers are spread as those of a. For hard
answers with accuracy a_i and wrong answers q_i, Brier has `error = 2(1 - a)` and `variance = (1 - a)(2a + (1 - a)w)`,
`w = 1 - sum q²`, so that models of one w differ in incoherence by accuracy alone. Sources: Hägele et al. (2026, arXiv
2601.23045) for the decomposition, Graham et al. (2026) for the confound.
"""

from dataclasses import dataclass

import numpy as np

from agentlab.stats.estimate import Estimate
from agentlab.stats.incoherence.choices import Choices
from agentlab.stats.incoherence.companions import wrong_pairs
from agentlab.stats.incoherence.decompose import DELTA, Decomposition, brier, kl, unbiased
from agentlab.stats.jackknife import missing, of_sums, quotient, tested
from agentlab.stats.rows import Bools, Floats


@dataclass(frozen=True, slots=True)
class Excess:
    """`difference = by_accuracy + excess`, over the tasks on which a's wrong answers can be told."""

    difference: Estimate
    """Incoherence of b minus that of a."""
    by_accuracy: Estimate
    """Incoherence of the null minus that of a: what follows from the two accuracies."""
    excess: Estimate
    """Incoherence of b minus that of the null: more scatter among b's wrong answers than among a's, if above 0."""
    left_out: int
    """Tasks on which a has too few wrong answers to say how they are spread."""
    notes: tuple[str, ...]


def brier_excess(a: Choices, b: Choices, level: float = 0.95) -> Excess:
    """For votes or semantic groups under Brier; task i of both is the same task.

    With w_i of a from pairs of its wrong draws, and c_i, d_i the chances that two draws of b are both wrong, and wrong
    in different ways, the excess is `sum (d_i - c_i w_i) / sum error_i`, with all three unbiased whatever the number of
    wrong draws. Tasks on which a has fewer than two wrong draws are left out of everything: they have no w_i.
    """
    _check(a, b)
    (both_a, differ_a), (both_b, differ_b) = wrong_pairs(a), wrong_pairs(b)
    kept = both_a > 0
    spread = np.divide(differ_a, both_a, out=np.zeros_like(both_a), where=kept)
    parts_a, parts_b = unbiased(brier(a)), unbiased(brier(b))
    return _excess(parts_a, parts_b, parts_b.variance_t - differ_b + both_b * spread, kept, level)


def kl_excess(a: Choices, b: Choices, delta: float = DELTA, level: float = 0.95) -> Excess:
    """The same under KL: null shares are `p = (a_i, (1 - a_i) q_i)`, and `variance = -log sum_c exp E log f[c]`
    with `E log f[c] = p_c log(1 + delta) + (1 - p_c) log(delta) - log(1 + C delta)`, about `(1 - max p) log(1/delta)`.

    Plug-in: q_i comes from a's wrong draws as they fell, so with few of them its largest share is too large and the
    excess leans upwards. Tasks on which a has no wrong draw are left out.
    """
    _check(a, b)
    p_a, p_b = (one.rows.mean(one.probabilities) for one in (a, b))
    gold, here = a.right(), np.arange(len(p_a))
    right_a, right_b = p_a[here, gold], p_b[here, b.right()]
    kept = right_a < 1
    scale = np.divide(1 - right_b, 1 - right_a, out=np.zeros_like(right_a), where=kept)
    null = p_a * scale[:, None]
    null[here, gold] = right_b
    mean_log = null * np.log1p(delta) + (1 - null) * np.log(delta) - np.log1p(a.classes_t * delta)[:, None]
    mean_log[~a.inside] = -np.inf
    variance = np.maximum(-np.logaddexp.reduce(mean_log, axis=1), 0.0)
    return _excess(kl(a, delta), kl(b, delta), variance, kept, level)


def _check(a: Choices, b: Choices) -> None:
    if not (a.hard and b.hard):
        raise ValueError("stated probabilities: the null is about hard answers, right or wrong")
    # Groups are numbered in each condition by itself; votes have the same classes, or their tasks are not the same.
    same = np.array_equal(a.inside, b.inside) and np.array_equal(a.right(), b.right())
    if not (same or (a.open and b.open)) or len(a.inside) != len(b.inside):
        raise ValueError("the two conditions differ in tasks, classes or right answers")


def _excess(a: Decomposition, b: Decomposition, null_t: Floats, kept: Bools, level: float) -> Excess:
    left_out = int((~kept).sum())
    if not kept.any():
        nothing = missing(None, 0, "undefined: a is on no task wrong often enough to say how")
        return Excess(nothing, nothing, nothing, left_out, nothing.notes)
    columns = [a.variance_t, a.error_t, a.floor_t, b.variance_t, b.error_t, b.floor_t, null_t]
    terms = np.stack(columns, axis=1)[kept]

    def of_a(sums: Floats) -> Floats:
        return quotient(sums[..., :3])

    def of_b(sums: Floats) -> Floats:
        return quotient(sums[..., 3:6])

    def of_null(sums: Floats) -> Floats:
        return quotient(sums[..., [6, 4, 5]])

    told = f"{left_out} of {len(kept)} tasks are left out: a's wrong answers there are too few to say how they spread"
    return Excess(
        difference=tested(of_sums(terms, lambda sums: of_b(sums) - of_a(sums), level)),
        by_accuracy=tested(of_sums(terms, lambda sums: of_null(sums) - of_a(sums), level)),
        excess=tested(of_sums(terms, lambda sums: of_b(sums) - of_null(sums), level)),
        left_out=left_out,
        notes=(told,) if left_out else (),
    )
