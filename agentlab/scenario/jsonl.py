"""Tasks from a JSONL file, one object a line: for more tasks than a YAML document should hold."""

import json
from pathlib import Path
from typing import Any

from agentlab.errors import Place
from agentlab.mapping import mapping
from agentlab.scenario.document import Keys, Tree
from agentlab.scenario.fields import TaskFields
from agentlab.scenario.findings import Findings
from agentlab.scenario.unknown import meant
from agentlab.scenario.validate import shown
from agentlab.text import line as line_of
from agentlab.text import utf8_safe

_COLUMNS = "`tasks: {{file: {}, columns: {{prompt: question, target: answer}}}}`"


def expand(tree: Tree, findings: Findings, root: Path) -> Tree:
    """The document with `tasks: !file NAME.jsonl` read: each line holds an `id` and the fields of a task."""
    del root  # a file that was included lies within it
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
                place, ("tasks", name), f"the id {name!r} appears twice", f"keep one; the first is on line {first}"
            )
        tasks[name] = task
        places["tasks", name] = place
    if not tasks:
        findings.faulted.add(tree.place(("tasks",)))
    return Tree({**tree.value, "tasks": tasks}, {**tree.places, **places}, {**tree.keys, **places}, tree.removed)


def _task(line: str, place: Place, findings: Findings) -> dict[str, Any] | None:
    try:
        task = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        column, problem = getattr(error, "colno", 1), getattr(error, "msg", str(error))
        findings.add(
            Place(place.file, place.line, column), "tasks", f"this is not JSON: {problem}", "write one object per line"
        )
        return None
    if "\\ud" in line.lower() and utf8_safe(task) != task:
        wrong = "a text has half of a character (a lone surrogate such as \\ud83d)"
        findings.add(place, "tasks", wrong, "write the whole character, or leave it out")
        return None
    if isinstance(mapping(task).get("target"), float):
        task["target"] = json.loads(line, parse_float=str)["target"]  # as it is written
    odd = [key for key in mapping(task) if key not in ("id", *TaskFields.model_fields)]
    if odd and not {"id", "prompt"} <= task.keys():
        near = meant(odd[0], TaskFields.model_fields)
        right = _COLUMNS.format(Path(place.file).name)
        right = f"did you mean {near!r}? Or name the columns: {right}" if near else f"name the columns: {right}"
        findings.add(place, "tasks", f"{line_of(odd[0], 60)!r} is not a field of a task", right)
        return None
    id = mapping(task).get("id")
    if isinstance(id, int | float) and not isinstance(id, bool):
        findings.add(place, "tasks", f"the id {id} is a number", "write ids in quotes")
        return None
    if not isinstance(id, str):
        wrong = f"found {shown(task)}" if not mapping(task) else "'id' is missing, or is not text"
        findings.add(place, "tasks", wrong, 'write {"id": "NAME", "prompt": "…"}')
        return None
    return mapping(task)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a number")
