"""A record as HTML: one element that stands in a notebook or alone, without scripts, in light and in dark."""

from typing import Any

from agentlab.markup import render
from agentlab.runs.transcript import heading, text
from agentlab.runs.transcript.record import Record
from agentlab.types import Call, ToolResult


def page(record: Record) -> str:
    """A complete page."""
    return render("runs/transcript/page.html", **_values(record))


def part(record: Record) -> str:
    """The element a notebook shows."""
    return render("runs/transcript/part.html", **_values(record))


def _values(record: Record) -> dict[str, Any]:
    return {
        "record": record,
        "text": text,
        "heading": heading,
        "asked": next((m.content for m in record.rollout.messages if m.kind == "task"), None),
        "agents": [agent.name for agent in record.organization.agents] if record.organization else [],
        "wrong": any(step.intact is False for turn in record.turns for step in turn.steps),
        "results": _results,
    }


def _results(call: Call) -> dict[str, ToolResult]:
    return {result.id: result for result in call.tool_results}
