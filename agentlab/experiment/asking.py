"""Records what a command asks of a run folder, beside what the commands before it asked for."""

from collections.abc import Mapping, Sequence
from typing import Any

from agentlab.experiment.asked import Part
from agentlab.experiment.specs import Selection, chosen
from agentlab.scenario.design import Design
from agentlab.store import Store


def with_request(design: Design, selection: Selection | None, store: Store) -> list[Part] | None:
    """What the run's meta is to hold of it: parts, none of which holds another; None for all generations of a loop.

    `selection` is None for the command that plays all generations. A command that came to no rollout asked for nothing.
    """
    old = store.meta()
    before: Sequence[Part] | None = old.get("asked", _whole(old, [*store.conditions()])) if store.known else []
    if selection is None or before is None:
        return None
    new = _parts(design, selection)
    kept = [part for part in before if not any(_within(part, other) for other in new)]
    return [*kept, *(part for part in new if not any(_within(part, other) for other in kept))]


def _whole(old: Mapping[str, Any], conditions: Sequence[str]) -> list[Part] | None:
    """What a run has asked for that an earlier version made: it kept no record, so all of its scenario."""
    if "loop" in old:
        return None
    tasks = [task["id"] for task in old.get("tasks", ())]
    return [{"conditions": conditions, "tasks": tasks, "draws": old.get("draws", 0), "options": []}]


def _parts(design: Design, selection: Selection) -> list[Part]:
    """One for each number of draws: the splits of a loop have their own."""
    conditions = [condition.name for condition in design.conditions if chosen(condition, selection)]
    by_draws: dict[int, list[str]] = {}
    for task in selection.tasks or design.tasks:
        most = design.draws_of(task) if design.loop is not None else None
        asked = selection.draws or design.draws
        by_draws.setdefault(asked if most is None else min(asked, most), []).append(task)
    told = _options(selection)
    return [{"conditions": conditions, "tasks": t, "draws": n, "options": told} for n, t in by_draws.items()]


def _options(selection: Selection) -> list[str]:
    only = [word for factor, levels in selection.levels.items() for word in ("--only", f"{factor}={','.join(levels)}")]
    tasks = [] if selection.tasks is None else ["--tasks", ",".join(selection.tasks)]
    return [*only, *tasks, *([] if selection.draws is None else ["--draws", str(selection.draws)])]


def _within(part: Part, other: Part) -> bool:
    return part["draws"] <= other["draws"] and all(set(part[of]) <= set(other[of]) for of in ("conditions", "tasks"))
