"""What an agent of a team is shown of the board and of the workspace."""

from collections.abc import Mapping, Sequence

from agentlab.organization.board import plan
from agentlab.organization.board.rules import Rules
from agentlab.organization.board.tickets import Ticket, tickets
from agentlab.organization.board.workspace import files
from agentlab.text import middle
from agentlab.types import Message

LINES, NAMES, TEXT, TEXTS = 30, 60, 6_000, 24_000
"""Tickets and file names that are shown; characters of a file, and of all files."""


def view(rules: Rules, log: Sequence[Message], agent: str, texts: bool) -> str:
    """The board, then the workspace."""
    every = list(tickets(log).by_id.values())
    parts = list[str]()
    if rules.plan_rounds:
        parts.append(f"Plan:\n{plan.shown(log)}")
    if rules.solo is None:
        lines = [_line(ticket, agent) for ticket in every[-LINES:]]
        if len(every) > LINES:
            lines.insert(0, f"({len(every) - LINES} earlier tickets)")
        parts.append("Tickets:\n" + ("\n".join(lines) or "none yet"))
    workspace = files(log)
    if rules.shared:
        shared = {path: workspace.pop(path, "(not written yet)") for path in rules.shared}
        parts.append("Shared documents:\n" + _whole(shared, TEXTS // len(shared)))
    if workspace:
        parts.append("Files:\n" + (_texts(workspace) if texts else _names(workspace)))
    return "\n\n".join(parts) or "No files yet."


def _line(ticket: Ticket, agent: str) -> str:
    owner = "yours" if ticket.owner == agent else ticket.owner or "no owner"
    waits = f", after {', '.join(ticket.after)}" if ticket.after and ticket.state == "open" else ""
    return f"{ticket.id} [{ticket.state}, {owner}{waits}] {ticket.title}"


def _whole(workspace: Mapping[str, str], room: int) -> str:
    return "\n".join(f"--- {path}\n{middle(text, room)}" for path, text in workspace.items())


def _names(workspace: Mapping[str, str]) -> str:
    names = sorted(workspace)
    more = [f"({len(names) - NAMES} more)"] if len(names) > NAMES else []
    return "\n".join([f"{name} ({len(workspace[name]):,} characters)" for name in names[:NAMES]] + more)


def _texts(workspace: Mapping[str, str]) -> str:
    """As many files as there is room for, in the order of their names; then the names of the others."""
    shown, left = list[str](), dict[str, str]()
    room = TEXTS
    for name in sorted(workspace):
        text = middle(workspace[name], TEXT)
        if len(text) <= room and not left:
            room -= len(text)
            shown.append(f"--- {name}\n{text}")
        else:
            left[name] = workspace[name]
    return "\n".join([*shown, *([_names(left)] if left else [])])
