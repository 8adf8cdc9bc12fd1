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
from agentlab.stats.incoherence.decompose import brier, unbiased
from agentlab.stats.incoherence.incoherence import shares_apart, terms
from agentlab.stats.jackknife import Clusters, missing, of_sums, quotient, tested


@dataclass(frozen=True, slots=True)
class Excess:
    """`difference = by_accuracy + excess`, over the tasks on which the spread of a's wrong answers can be estimated."""

    difference: Estimate
    """Incoherence of b minus that of a."""
    by_accuracy: Estimate
    """Incoherence of the null minus that of a: what follows from the two accuracies."""
    excess: Estimate
    """Incoherence of b minus that of the null: more scatter among b's wrong answers than among a's, if above 0."""
    left_out: int
    """Tasks on which a has too few wrong answers to say how they are spread."""
    notes: tuple[str, ...]


def brier_excess(a: Choices, b: Choices, level: float = 0.95, clusters: Clusters = None) -> Excess:
    """For votes or semantic groups under Brier; task i of both is the same task, and is in `clusters[i]`.

    With w_i of a from pairs of its wrong draws, and c_i, d_i the chances that two draws of b are both wrong, and wrong
    in different ways, the excess is `sum (d_i - c_i w_i) / sum error_i`, with all three unbiased whatever the number of
    wrong draws. Tasks on which a has fewer than two wrong draws are left out of everything: they have no w_i.
    """
    _check(a, b)
    (both_a, differ_a), (both_b, differ_b) = wrong_pairs(a), wrong_pairs(b)
    kept = both_a > 0
    spread = np.divide(differ_a, both_a, out=np.zeros_like(both_a), where=kept)
    parts_a, parts_b = unbiased(brier(a)), unbiased(brier(b))
    left_out = int((~kept).sum())
    if not kept.any():
        nothing = missing(None, 0, "undefined: a has too few wrong answers on every task to estimate their spread")
        return Excess(nothing, nothing, nothing, left_out, nothing.notes)
    null_t = parts_b.variance_t - differ_b + both_b * spread
    of_a, of_b = terms(parts_a)[kept], terms(parts_b)[kept]
    of_null, kept_clusters = of_b.copy(), None if clusters is None else np.asarray(clusters)[kept]
    of_null[:, 0] = null_t[kept]
    beyond = of_b.copy()
    beyond[:, 0] -= of_null[:, 0]
    note = f"{left_out} of {len(kept)} tasks are excluded: a has too few wrong answers there to estimate their spread"
    return Excess(
        difference=shares_apart(of_b, of_a, level, kept_clusters),
        by_accuracy=shares_apart(of_null, of_a, level, kept_clusters),
        excess=tested(of_sums(beyond, quotient, level, kept_clusters)),
        left_out=left_out,
        notes=(note,) if left_out else (),
    )


def _check(a: Choices, b: Choices) -> None:
    if not (a.hard and b.hard):
        raise ValueError("stated probabilities: the null is about hard answers, right or wrong")
    # Groups are numbered in each condition by itself; votes have the same classes, or their tasks are not the same.
    same = np.array_equal(a.inside, b.inside) and np.array_equal(a.right(), b.right())
    if not (same or (a.open and b.open)) or len(a.inside) != len(b.inside):
        raise ValueError("the two conditions differ in tasks, classes or right answers")
