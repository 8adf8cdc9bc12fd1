"""How many anchor texts a judge got after the run had tested it on those that it had."""

from collections.abc import Iterator, Mapping
from typing import Any

from agentlab.judges import recorded
from agentlab.mapping import mapping
from agentlab.text import pluralize

ADDED = "added_anchors"
"""Where a run's meta keeps the numbers."""


def added_anchors(meta: Mapping[str, Any], documents: Mapping[str, Any]) -> dict[str, int]:
    """By judge: the number in `meta`, and the texts or pairs of `documents` that the judge did not have."""
    counts: dict[str, int] = dict(meta.get(ADDED, {}))
    known, tested = recorded(meta), meta.get("anchors", {})
    for name, document in documents.items():
        more = _texts(document) - _texts(known.get(name))
        if name in tested and more > 0:
            counts[name] = counts.get(name, 0) + more
    return counts


def late_anchors(meta: Mapping[str, Any]) -> Iterator[str]:
    """A sentence on each judge that got texts when its result on those that it had was known."""
    for judge, late in meta.get(ADDED, {}).items():
        were = "was" if late == 1 else "were"
        yield f"{pluralize(late, 'anchor text')} of judge {judge} {were} added after it had scored outputs."


def _texts(document: object) -> int:
    families = mapping(mapping(document).get("anchors")).values()
    return sum(len(texts) for family in families for role, texts in mapping(family).items() if role != "task")
