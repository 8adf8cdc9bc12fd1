"""How well the arm can be guessed from a text alone, which a judge could do that is not shown the arm.

A naive Bayes classifier over the words and pairs of words that a text holds (presence, Laplace smoothing, logarithms
of likelihood ratios), and the text's length, each fitted on all other tasks and tried on the one held out. The area is
that of Mann-Whitney within held-out tasks, weighted by their pairs. Half is no better than chance.
"""

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from agentlab.stats.rows import ranks

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
FEWEST_TASKS = 2
_WORD = re.compile(r"\w+")
_MOST_WORDS = 5_000
"""Of one text; what follows is not looked at."""


@dataclass(frozen=True, slots=True)
class ArmGuess:
    """Areas under the ROC curve; the direction is learned on other tasks, so below .5 is bad luck, not knowledge."""

    words: float
    length: float
    pairs: int
    """Pairs of texts of both arms on the same task, over which the areas are taken."""


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts by the words they hold. `terms` and `of` are parallel: which term stands in which text."""

    terms: Ints
    of: Ints
    lengths: Floats
    vocabulary: int


def tokenize(texts: Sequence[str]) -> Texts:
    """Words and pairs of neighboring words, in small letters, each counted once a text; lengths in words."""
    known: dict[str, int] = {}
    terms: list[int] = []
    of: list[int] = []
    lengths: list[float] = []
    for i, text in enumerate(texts):
        words = _WORD.findall(text.lower())
        lengths.append(float(len(words)))
        words = words[:_MOST_WORDS]
        held = dict.fromkeys((*words, *map(" ".join, pairwise(words))))
        terms += [known.setdefault(term, len(known)) for term in held]
        of += [i] * len(held)
    return Texts(np.array(terms, dtype=np.intp), np.array(of, dtype=np.intp), np.array(lengths), len(known))


def guess(tasks: Sequence[Hashable], second: Sequence[bool], texts: Texts) -> ArmGuess | None:
    """The areas for two arms; `tasks` and `second` (which arm) have shape (texts,).

    None unless two tasks have texts of both arms.
    """
    codes, arm = _codes(tasks), np.asarray(second, dtype=bool)
    both = [t for t in range(int(codes.max(initial=-1)) + 1) if 0 < arm[codes == t].sum() < (codes == t).sum()]
    if len(both) < FEWEST_TASKS:
        return None
    words, length, pairs = 0.0, 0.0, 0
    for task in both:
        out = codes == task
        n_first, n_second = int((out & ~arm).sum()), int((out & arm).sum())
        words += _wins(_bayes(texts, ~out & ~arm, ~out & arm)[out], arm[out])
        length += _wins(_longer(texts.lengths, ~out, arm)[out], arm[out])
        pairs += n_first * n_second
    return ArmGuess(words / pairs, length / pairs, pairs)


def _bayes(texts: Texts, first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Floats:
    """The log-odds of the second arm for every text, summed over the terms that it holds."""
    shares: list[Floats] = []
    for group in (first, second):
        held = np.bincount(texts.terms[group[texts.of]], minlength=texts.vocabulary)
        shares.append(np.log((held + 1) / (group.sum() + 2)))
    odds = shares[1] - shares[0]
    sums = np.bincount(texts.of, weights=odds[texts.terms], minlength=len(texts.lengths))
    return np.asarray(sums, dtype=np.float64)


def _longer(lengths: Floats, fitted: NDArray[np.bool_], arm: NDArray[np.bool_]) -> Floats:
    """Lengths, with the sign that the other tasks give them."""
    gap = lengths[fitted & arm].mean() - lengths[fitted & ~arm].mean()
    return lengths * np.sign(gap)


def _wins(scores: Floats, arm: NDArray[np.bool_]) -> float:
    """Pairs in which the second arm's text scores higher, ties half."""
    n = int(arm.sum())
    return float(ranks(scores)[arm].sum()) - n * (n + 1) / 2


def _codes(labels: Sequence[Hashable]) -> Ints:
    known: dict[Hashable, int] = {}
    return np.array([known.setdefault(label, len(known)) for label in labels], dtype=np.intp)
