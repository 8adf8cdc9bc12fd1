"""The steps of a program, as a table of plain text."""

from collections.abc import Iterator
from typing import Any

from agentlab.organization.cascade import values
from agentlab.organization.cascade.program import Instruction
from agentlab.organization.protocols.cascade import Cascade
from agentlab.organization.protocols.python_program import PythonProgram
from agentlab.report.show.grid import grid
from agentlab.scenario import Condition


def steps(condition: Condition) -> list[str]:
    """The table; empty for an organization that is no program."""
    protocol = condition.organization.protocol
    if isinstance(protocol, Cascade):
        rows = [_row(one) for one in protocol.program.instructions if one.kind not in ("skip", "repeat")]
        return [grid(("  step", "verb", "asks", "what"), [*rows, ("  return", "", "", protocol.program.result)])]
    if isinstance(protocol, PythonProgram):
        rows = [_row(one) for one in protocol.steps(condition.tasks.values())[0]]
        head = f"  questions that {protocol.name} comes to when replies are made up"
        return [head, grid(("  step", "verb", "asks", "what"), rows)] if rows else []
    return []


def _row(one: Instruction) -> tuple[str, ...]:
    depth, step = one.path.count("."), one.step
    details = "; ".join(part for part in (_what(one), *_more(one)) if part)
    verb = "loop" if one.kind == "enter" else one.kind
    return (f"  {'  ' * depth}{one.name}", verb, step.by or "", details)


def _what(one: Instruction) -> str:
    step = one.step
    found: Any = {
        "sample": step.sample,
        "choose": step.choose,
        "set": step.set_,
        "python": step.python,
        "factor": step.factor,
        "reject": step.reject,
        "enter": step.over,
    }.get(one.kind)
    return found if isinstance(found, str) else values.as_text(found)


def _more(one: Instruction) -> Iterator[str]:
    """What else decides what the step does."""
    step = one.step
    if one.kind in ("sample", "set") and one.reader.kind != "text":
        yield f"as {one.reader.kind}"
    for name, usual in (("observe", None), ("times", 1), ("tries", 1), ("most", None), ("until", None), ("when", None)):
        if (value := getattr(step, name)) != usual:
            yield f"{name} {values.as_text(value)}"
