"""What changed between the document a run folder was made from and the one that is to continue it."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from agentlab.scenario.condition import OPERATIONAL
from agentlab.scenario.document import Keys, dotted
from agentlab.scenario.validate import mapping

FREE = ("about", "draws", "exclude", "measures", "compare", "cluster", "limits")
"""Sections that decide no reply: how many rollouts there are, when they stop, and what is computed from them."""
GROWING = ("tasks", "judges", "models")
"""Sections to which entries may be added; `factors` grows by levels."""


def differences(
    old: Mapping[str, Any], new: Mapping[str, Any], ordered: Collection[str] = ()
) -> list[tuple[str, Any, Any]]:
    """Dotted path, old and new value of every change that a run cannot be continued over; None for what is not there.

    Tasks, draws, levels of known factors, judges, measures and aliases of models may be added; limits, measures,
    `compare`, `cluster` and `about` may change, and so may how a model is reached: its price, rates, time-out, tries
    and the name of its key.
    """
    found: list[tuple[str, Any, Any]] = []
    empty: Mapping[str, Any] = {key: {} for key in GROWING}
    for path, before, after in _changes({**empty, **old}, {**empty, **new}, ()):
        top, added = path[0], before is None
        grown = added and ((top in GROWING and len(path) == 2) or (top == "factors" and len(path) == 3))
        reached = top == "models" and len(path) >= 3 and path[2] in OPERATIONAL
        if top not in FREE and not grown and not reached:
            found.append((dotted(path), before, after))
    without_cast = "cast" not in mapping(new.get("organization"))
    found += _reordered(old, new, (), ordered, without_cast)
    return found


def _changes(old: Any, new: Any, path: Keys) -> Iterator[tuple[Keys, Any, Any]]:
    before, after = mapping(old), mapping(new)
    if (before or old == {}) and (after or new == {}):
        for key in dict.fromkeys((*before, *after)):
            yield from _changes(before.get(key), after.get(key), (*path, key))
    elif old != new or isinstance(old, bool) != isinstance(new, bool):
        yield path, old, new


def _reordered(
    old: Mapping[str, Any], new: Mapping[str, Any], path: Keys, ordered: Collection[str], without_cast: bool
) -> Iterator[tuple[str, Any, Any]]:
    """Mappings the order of whose keys counts: addenda, the `ordered` fields of a protocol, agents without a cast."""
    counts = (
        path[-1:] == ("addendum",)
        or (path[-2:] == ("organization", "agents") and without_cast)
        or (path[-3:-1] == ("organization", "protocol") and path[-1] in ordered)
    )
    before, after = [key for key in old if key in new], [key for key in new if key in old]
    if counts and before != after:
        yield dotted(path), before, after
    for key in before if path else [key for key in before if key in ("organization", "addendum", "factors")]:
        yield from _reordered(mapping(old[key]), mapping(new[key]), (*path, key), ordered, without_cast)
