"""Outputs changed in ways that should move no judge: made longer without being better, or laid out otherwise."""

import re
from collections.abc import Mapping
from typing import Literal

from agentlab.judges.plain_text import plain
from agentlab.seeds import stream

Probe = Literal["length", "format"]
Variant = Literal["padded", "markdown", "plain"]
VARIANTS: Mapping[Probe, tuple[Variant, ...]] = {"length": ("padded",), "format": ("markdown", "plain")}
"""What is put before a judge for each probe; a padded output is compared with the output itself."""
MORE = 0.5
"""Words that padding adds, as a share of those that are there."""
LEAST = 25
"""Words that padding adds at least."""
PADDING = (
    "It is worth taking a moment to consider the question in its full breadth.",
    "As with any matter of this kind, there is more than one side to it.",
    "What follows has been put together with care and attention.",
    "Much more could of course be said about each of these points.",
    "All of this should be seen in its context, which is an important one.",
    "We trust that the above will be found useful by everybody concerned.",
    "In sum, what has been said here is what there is to be said.",
    "It goes without saying that we remain available for anything further.",
    "These considerations are not new, and yet they deserve to be kept in mind.",
    "To put it in other words would be possible, and would come to the same.",
)
"""Sentences that say nothing about any task."""
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z]\w)")
_BOLD = 3
"""Words at the start of a bullet that are printed bold."""


def perturbed(text: str, variant: Variant) -> str:
    """The output so changed; always in the same way."""
    if variant == "padded":
        return _padded(text)
    return plain(text) if variant == "plain" else _markdown(plain(text))


def _padded(text: str) -> str:
    """With sentences of `PADDING` before and after, in an order that the text decides."""
    wanted = max(LEAST, round(MORE * len(text.split())))
    order = sorted(PADDING, key=lambda sentence: stream("padding", text, sentence))
    added, words = list[str](), 0
    while words < wanted:
        added.append(order[len(added) % len(order)])
        words += len(added[-1].split())
    half = len(added) // 2
    return "\n\n".join((" ".join(added[: len(added) - half]), text, " ".join(added[len(added) - half :]))).strip()


def _markdown(text: str) -> str:
    """The same words with a heading for every short line and a bullet for every sentence, its first words bold."""
    lines = list[str]()
    for line in text.splitlines():
        sentences = _SENTENCE.split(line)
        if len(sentences) == 1 and len(line.split()) <= 8 and not line.endswith((".", "!", "?")):
            lines.append(f"## {line}")
        else:
            lines += [f"- {_bold(sentence)}" for sentence in sentences]
    return "\n".join(lines)


def _bold(sentence: str) -> str:
    words = sentence.split()
    if len(words) <= _BOLD or not all(word.isalnum() for word in words[:_BOLD]):
        return sentence
    return f"**{' '.join(words[:_BOLD])}** {' '.join(words[_BOLD:])}"
