"""Tasks from a JSONL file, one object a line: for more tasks than a YAML document should hold."""

import json
from typing import Any

from agentlab.errors import Place
from agentlab.scenario.document import Keys, Tree
from agentlab.scenario.findings import Findings
from agentlab.scenario.validate import mapping, shown


def expand(tree: Tree, findings: Findings) -> Tree:
    """The document with `tasks: !file NAME.jsonl` read: each line holds an `id` and the fields of a task."""
    text, file = tree.value.get("tasks"), tree.place(("tasks",)).file
    if not isinstance(text, str) or not file.endswith(".jsonl"):
        return tree
    tasks: dict[str, Any] = {}
    places: dict[Keys, Place] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        place = Place(file, number, 1)
        task = _task(line, place, findings) if line.strip() else None
        if task is None:
            continue
        name = task.pop("id")
        if name in tasks:
            first = places["tasks", name].line
            findings.add(
                place, ("tasks", name), f"the id {name!r} is there twice", f"keep one; the first is on line {first}"
            )
        tasks[name] = task
        places["tasks", name] = place
    return Tree({**tree.value, "tasks": tasks}, {**tree.places, **places}, {**tree.keys, **places}, tree.removed)


def _task(line: str, place: Place, findings: Findings) -> dict[str, Any] | None:
    try:
        task = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        column = getattr(error, "colno", 1)
        findings.add(
            Place(place.file, place.line, column), "tasks", f"this is not JSON: {error}", "write one object a line"
        )
        return None
    if isinstance(mapping(task).get("target"), float):
        task["target"] = json.loads(line, parse_float=str)["target"]  # as it is written
    id = mapping(task).get("id")
    if isinstance(id, int | float) and not isinstance(id, bool):
        findings.add(place, "tasks", f"the id {id} is a number", "write ids in quotes")
        return None
    if not isinstance(id, str):
        wrong = f"found {shown(task)}" if not mapping(task) else "'id' is missing, or is no text"
        findings.add(place, "tasks", wrong, 'write {"id": "NAME", "prompt": "…"}')
        return None
    return mapping(task)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")
