"""Fields of a task that a program cannot use."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from agentlab.organization.cascade.program import Instruction, Program
from agentlab.organization.cascade.values import PLACEHOLDER
from agentlab.organization.declaration import Flaw
from agentlab.types import Task


def misfits(program: Program, task: Task) -> Iterator[Flaw]:
    """A pool that is smaller than its `k`, and fields that must be lists; not what a step gives a new value."""
    given = {
        instruction.name
        for instruction in program.instructions
        if instruction.kind not in ("skip", "repeat", "factor", "reject")
    }
    for instruction in program.instructions:
        if (name := _field(instruction.step.choose)) in task.fields and name not in given:
            yield from _pool(instruction, name, task.fields[name])
        name = _field(instruction.step.over)
        if name in task.fields and name not in given and not isinstance(task.fields[name], list):
            wrong = f"step {instruction.path!r} has `over` with {name!r}, which is not a list"
            yield ("fields", name), wrong, "a list"


def _field(template: Any) -> str:
    """The variable that is the whole template, if one is."""
    match = PLACEHOLDER.fullmatch(template) if isinstance(template, str) else None
    return match[1] if match else ""


def _pool(instruction: Instruction, name: str, value: Any) -> Iterator[Flaw]:
    k = instruction.step.k or 1
    if not isinstance(value, list | Mapping):
        wrong = f"step {instruction.path!r} chooses from {name!r}, which is not a list"
        yield ("fields", name), wrong, "a list, or a mapping of options to weights"
    elif (options := len(cast("list[Any]", value))) < k:
        wrong = f"{name!r} has {options} options, and step {instruction.path!r} draws k: {k} of them"
        yield ("fields", name), wrong, "more options, or a smaller `k`"
