"""What changed between the document a run folder was made from and the one that is to continue it."""

from collections.abc import Iterator, Mapping
from typing import Any

from agentlab.scenario.condition import OPERATIONAL
from agentlab.scenario.document import Keys, dotted
from agentlab.scenario.validate import mapping

FREE = ("about", "draws", "exclude", "measures", "compare", "limits")
"""Sections that decide no reply: how many rollouts there are, when they stop, and what is computed from them."""
GROWING = ("tasks", "judges", "models")
"""Sections to which entries may be added; `factors` grows by levels."""


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Dotted path, old and new value of every change that a run cannot be continued over; None for what is not there.

    Tasks, draws, levels of known factors, judges, measures and aliases of models may be added; limits, measures,
    `compare` and `about` may change, and so may how a model is reached: its price, rates, time-out, tries and the name
    of its key.
    """
    found: list[tuple[str, Any, Any]] = []
    empty: Mapping[str, Any] = {key: {} for key in GROWING}
    for path, before, after in _changes({**empty, **old}, {**empty, **new}, ()):
        top, added = path[0], before is None
        grown = added and ((top in GROWING and len(path) == 2) or (top == "factors" and len(path) == 3))
        reached = top == "models" and len(path) >= 3 and path[2] in OPERATIONAL
        if top not in FREE and not grown and not reached:
            found.append((dotted(path), before, after))
    if "cast" not in mapping(new.get("organization")):
        found += _reordered(old, new)
    return found


def _changes(old: Any, new: Any, path: Keys) -> Iterator[tuple[Keys, Any, Any]]:
    before, after = mapping(old), mapping(new)
    if (before or old == {}) and (after or new == {}):
        for key in dict.fromkeys((*before, *after)):
            yield from _changes(before.get(key), after.get(key), (*path, key))
    elif old != new or isinstance(old, bool) != isinstance(new, bool):
        yield path, old, new


def _reordered(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Without a `cast` the order of the agents is the roster's."""
    before, after = (list(mapping(mapping(one.get("organization")).get("agents"))) for one in (old, new))
    if before != after and sorted(before) == sorted(after):
        yield "organization.agents", before, after
