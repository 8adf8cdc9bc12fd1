"""What changed between the document a run folder was made from and the one that is to continue it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, cast

from agentlab.mapping import mapping
from agentlab.scenario.document import Keys, dotted
from agentlab.scenario.identity import OPERATIONAL
from agentlab.scenario.improve import GROWING as OF_LOOP
from agentlab.training.trainers import TRAINERS

FREE = ("about", "draws", "exclude", "measures", "compare", "cluster", "limits")
"""Sections that decide no reply: how many rollouts there are, when they stop, and what is computed from them."""
GROWING = ("tasks", "judges", "models", "mcp")
"""Sections to which entries may be added; `factors` grows by levels."""


def differences(
    old: Mapping[str, Any], new: Mapping[str, Any], ordered: Collection[str] = (), same: bool = False
) -> list[tuple[str, Any, Any]]:
    """Dotted path, old and new value of every change that a run cannot be continued over; None for what is not there.

    Tasks, draws, levels of known factors, judges, their anchor texts, measures, servers of tools and aliases of models
    may be added; limits, measures, `compare`, `cluster` and `about` may change, targets, fields and splits of tasks,
    and how a model is reached: its price, rates, time-out, tries and the name of its key. With `same`, every condition
    asks its agents the same as before: then what is written otherwise about agents, factors and addenda is no change.
    """
    breaking: list[tuple[str, Any, Any]] = []
    empty: Mapping[str, Any] = {key: {} for key in GROWING}
    for path, before, after in _changes({**empty, **old}, {**empty, **new}, ()):
        top, added = path[0], before is None
        grown = added and ((top in GROWING and len(path) == 2) or (top == "factors" and len(path) == 3))
        reached = top == "models" and len(path) >= 3 and path[2] in OPERATIONAL
        reached = reached or (top == "improve" and _grows(path, mapping(new.get("improve"))))
        grown = grown or _more_anchors(path, before, after)
        if top not in FREE and not grown and not reached and not _idle(path, before, after, new, same):
            breaking.append((dotted(path), before, after))
    without_cast = "cast" not in mapping(new.get("organization"))
    reordered = _reordered(old, new, (), ordered, without_cast)
    return [*breaking, *(change for change in reordered if not same or change[0] == "factors")]


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Dotted path, old and new value of everything that differs; None for what is not there."""
    return [(dotted(path), before, after) for path, before, after in _changes(old, new, ())]


def _more_anchors(path: Keys, before: Any, after: Any) -> bool:
    """Whether a judge got more anchor texts, at the end of a list of them or in a list of their own."""
    if path[0] != "judges" or path[2:3] != ("anchors",):
        return False
    known, now = (cast(list[Any], value) if isinstance(value, list) else [] for value in (before, after))
    return before is None or (len(known) > 0 and now[: len(known)] == known)


def _grows(path: Keys, improve: Mapping[str, Any]) -> bool:
    """Whether a change of the loop changes no rollout that is there: how it is started, and how long it goes on."""
    if len(path) == 3 and path[1] == "by":
        trainer = TRAINERS.get(mapping(improve.get("by")).get("kind", ""))
        return trainer is not None and path[2] in trainer.operational
    return len(path) > 1 and path[1] in OF_LOOP


def _idle(path: Keys, before: Any, after: Any, new: Mapping[str, Any], same: bool) -> bool:
    """Whether a change decides no reply and no score that is there."""
    top, *rest = path
    if top == "tasks" and len(rest) > 1:
        return rest[1] in ("target", "split") or (rest[1] == "fields" and same and not _files(rest[2:], before, after))
    if top == "seed":  # the run has recorded the one that it took
        return after is None
    if top == "coupling":
        return (before or "seeds") == (after or "seeds")
    if rest[1:] == ["base_url"] and top == "models" and str(before).rstrip("/") == str(after).rstrip("/"):
        return True
    if top == "models" and same:
        return rest[0] not in {mapping(judge).get("model", "judge") for judge in mapping(new.get("judges")).values()}
    renamed = top == "factors" and (len(rest) == 1 or (len(rest) == 2 and after is None))
    return same and not renamed and (top in ("organization", "addendum") or (top == "factors" and "tasks" not in rest))


def _files(below: Sequence[str | int], before: Any, after: Any) -> bool:
    """Whether a change of a task's fields is one of its files, which agents see."""
    return below[0] == "files" if below else mapping(before).get("files") != mapping(after).get("files")


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
    """Mappings whose order counts: factors, addenda, the `ordered` fields of a protocol, agents without a cast."""
    counts = (
        path[-1:] in (("addendum",), ("factors",))
        or (path[-2:] == ("organization", "agents") and without_cast)
        or (path[-3:-1] == ("organization", "protocol") and path[-1] in ordered)
    )
    before, after = [key for key in old if key in new], [key for key in new if key in old]
    if counts and before != after:
        yield dotted(path), before, after
    for key in before if path else [key for key in before if key in ("organization", "addendum", "factors")]:
        yield from _reordered(mapping(old[key]), mapping(new[key]), (*path, key), ordered, without_cast)
