"""Prompts that are learned from and held out at once: the same but for how they are written, or with long passages in
common.

A run of 13 words is what Brown et al. (2020, Language Models are Few-Shot Learners, appendix C) look for. Runs that
more than half of the learned prompts have are the form of all tasks, and say nothing.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

WORDS = 13
"""Words in a row."""
_MARKS = ".,?;:\"'()“”‘’"


def plain(prompt: str) -> str:
    """The prompt without regard to case, white space, forms of one character, and marks at the ends of words."""
    words = (word.strip(_MARKS) for word in unicodedata.normalize("NFKC", prompt).casefold().split())
    return " ".join(filter(None, words))


def shared(learned: Iterable[str], held_out: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Of the held-out prompts by name, those that have a run of words in common with a learned one, and the run."""
    counts, many = Counter[str](), 0
    for prompt in dict.fromkeys(learned):
        counts.update(set(_runs(prompt)))
        many += 1
    telling = {run for run, count in counts.items() if count <= max(1, many / 2)}
    for name, prompt in held_out.items():
        if (common := next((run for run in _runs(prompt) if run in telling), None)) is not None:
            yield name, common


def _runs(prompt: str) -> Iterator[str]:
    words = plain(prompt).split()
    return (" ".join(words[i : i + WORDS]) for i in range(len(words) - WORDS + 1))
