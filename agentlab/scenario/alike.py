"""Tasks that share most of their text, as several questions on one passage do: they are no independent tasks."""

import re
from collections.abc import Iterable, Mapping, Sequence

from agentlab.text import line, pluralize

WORDS = 6
"""Words in a row that make a shingle (Broder 1997, Proc. Compression and Complexity of Sequences, 21-29)."""
FEWEST = 20
"""Shared shingles that are called a long passage: some 25 words."""
MOST = 0.5
"""The share of the shorter text above which two are called alike."""
COMMON = 0.9
"""The share of all tasks above which a shingle belongs to the instructions that they have in common."""
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|\w+")
"""A word, or a character of a language that leaves no space between words."""


def alike(texts: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Groups of tasks, by id, of which each shares a long passage with another that is most of the shorter text.

    What nearly all tasks have is left out. A shingle ties a task to the first that has it, so the time grows
    with the texts and not with the pairs of tasks.
    """
    shingles = {name: _shingles(text) for name, text in texts.items()}
    holders: dict[int, list[str]] = {}
    for name, passages in shingles.items():
        for shingle in passages:
            holders.setdefault(shingle, []).append(name)
    common = {shingle for shingle, names in holders.items() if len(names) > max(2, COMMON * len(texts))}
    size = {name: len(passages - common) for name, passages in shingles.items()}
    shared: dict[tuple[str, str], int] = {}
    for shingle, names in holders.items():
        if len(names) > 1 and shingle not in common:
            for other in names[1:]:
                shared[names[0], other] = shared.get((names[0], other), 0) + 1
    close = [pair for pair, n in shared.items() if n >= FEWEST and n > MOST * min(size[name] for name in pair)]
    return joined(texts, close)


def hint(groups: Sequence[Sequence[str]]) -> str:
    """What to do about them, in a sentence without its end."""
    first = ", ".join(line(name) for name in groups[0][:3]) + (", …" if len(groups[0]) > 3 else "")
    more = f" ({pluralize(len(groups), 'such group')})" if len(groups) > 1 else ""
    right = "give them a field that names what they share, and write `cluster: FIELD`"
    return f"tasks {first} share most of their text{more}, so they are not independent: {right}"


def _shingles(text: str) -> set[int]:
    words = _WORD.findall(text.lower())
    return set(map(hash, zip(*(words[i:] for i in range(WORDS)), strict=False)))


def joined(names: Iterable[str], pairs: Iterable[tuple[str, str]]) -> list[tuple[str, ...]]:
    """Sets that hang together by pairs, each of two names or more, in the order of the names."""
    home = {name: name for name in names}

    def root(name: str) -> str:
        while home[name] != name:
            home[name] = name = home[home[name]]
        return name

    for a, b in pairs:
        home[root(b)] = root(a)
    groups: dict[str, list[str]] = {}
    for name in home:
        groups.setdefault(root(name), []).append(name)
    return [tuple(group) for group in groups.values() if len(group) > 1]
