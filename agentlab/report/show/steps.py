"""The steps of a program, as a table of plain text."""

from collections.abc import Iterator
from typing import Any

from agentlab.organization.cascade import values
from agentlab.organization.cascade.program import Instruction
from agentlab.organization.protocols.cascade import Cascade
from agentlab.organization.protocols.python_program import PythonProgram
from agentlab.report.show.grid import grid
from agentlab.scenario.condition import Condition


def steps(condition: Condition) -> list[str]:
    """The table; empty for an organization that is no program."""
    protocol = condition.organization.protocol
    if isinstance(protocol, Cascade):
        rows = [
            _row(instruction)
            for instruction in protocol.program.instructions
            if instruction.kind not in ("skip", "repeat")
        ]
        return [grid(("  step", "verb", "asks", "what"), [*rows, ("  return", "", "", protocol.program.result)])]
    if isinstance(protocol, PythonProgram):
        rows = [_row(instruction) for instruction in protocol.steps(condition.tasks.values())[0]]
        head = f"  questions that {protocol.name} comes to when replies are made up"
        return [head, grid(("  step", "verb", "asks", "what"), rows)] if rows else []
    return []


def _row(instruction: Instruction) -> tuple[str, ...]:
    depth, step = instruction.path.count("."), instruction.step
    details = "; ".join(part for part in (_what(instruction), *_more(instruction)) if part)
    verb = "loop" if instruction.kind == "enter" else instruction.kind
    return (f"  {'  ' * depth}{instruction.name}", verb, step.by or "", details)


def _what(instruction: Instruction) -> str:
    step = instruction.step
    detail: Any = {
        "sample": step.sample,
        "choose": step.choose,
        "set": step.set_,
        "python": step.python,
        "factor": step.factor,
        "reject": step.reject,
        "enter": step.over,
    }.get(instruction.kind)
    return detail if isinstance(detail, str) else values.as_text(detail)


def _more(instruction: Instruction) -> Iterator[str]:
    """What else decides what the step does."""
    step = instruction.step
    if instruction.kind in ("sample", "set") and instruction.reader.kind != "text":
        yield f"as {instruction.reader.kind}"
    for name, usual in (("observe", None), ("times", 1), ("tries", 1), ("most", None), ("until", None), ("when", None)):
        if (value := getattr(step, name)) != usual:
            yield f"{name} {values.as_text(value)}"
