"""A three-way merge of lines."""

from collections.abc import Sequence
from difflib import SequenceMatcher

Hunk = tuple[int, int, list[str]]
"""First line and end in the base, and what stands there instead."""


def merge(base: str, ours: str, theirs: str) -> str | None:
    """What both made of `base`; None where they changed the same lines, or lines that touch."""
    if ours == theirs or theirs == base:
        return ours
    if ours == base:
        return theirs
    lines = base.splitlines(keepends=True)
    first, second = _hunks(lines, ours.splitlines(keepends=True)), _hunks(lines, theirs.splitlines(keepends=True))
    merged, at = list[str](), 0
    while first or second:
        if first and second and first[0] == second[0]:
            second.pop(0)
        elif first and second and _touch(first[0], second[0]):
            return None
        earlier = first if not second or (first and first[0][:2] <= second[0][:2]) else second
        low, high, instead = earlier.pop(0)
        merged += [*lines[at:low], *instead]
        at = high
    return "".join((*merged, *lines[at:]))


def _touch(a: Hunk, b: Hunk) -> bool:
    return max(a[0], b[0]) <= min(a[1], b[1])


def _hunks(base: Sequence[str], new: Sequence[str]) -> list[Hunk]:
    """What `new` changes, in order. Equal ends are set aside and lines that are everywhere are no anchors, or some
    thousand equal lines would take minutes."""
    low, most = 0, min(len(base), len(new))
    while low < most and base[low] == new[low]:
        low += 1
    high = 0
    while high < most - low and base[-1 - high] == new[-1 - high]:
        high += 1
    old, made = base[low : len(base) - high], new[low : len(new) - high]
    matcher = SequenceMatcher(None, old, made)
    return [(low + i, low + j, list(made[k:m])) for tag, i, j, k, m in matcher.get_opcodes() if tag != "equal"]
