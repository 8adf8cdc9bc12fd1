"""The board and the files of one rollout as plain text: the plan, tickets by round, and what each round changed."""

from collections.abc import Iterator, Sequence

from agentlab.errors import ScenarioError
from agentlab.organization.board.history import FileChange, TicketInRound, changes, rounds
from agentlab.organization.board.plan import plans
from agentlab.organization.board.tickets import Ticket, tickets
from agentlab.runs.transcript.heading import heading
from agentlab.runs.transcript.record import Record
from agentlab.runs.transcript.text import rule
from agentlab.text import line, pluralize, quoted
from agentlab.types import Message

SIGNS = {"open": "o", "active": "a", "review": "r", "done": "D", "failed": "F"}
WIDE = 60
"""Rounds side by side."""
_LEGEND = "o open, a active, r in review, D done, F failed, m moved to another owner in this round"


def render(record: Record) -> str:
    """Raises `ScenarioError` for a rollout without tickets and files."""
    log = record.rollout.messages
    states, changed = list(rounds(log)), list(changes(log))
    if not states and not changed and not plans(log):
        none = "has no tickets and no changed files; only organizations with `kind: board` have them"
        late = "is not finished; its tickets and files are stored when it ends"
        raise ScenarioError(f"--files: this rollout {late if record.begun else none}")
    parts = [heading(record)]
    if planned := [*_plans(log)]:
        parts += [rule("plan"), *planned]
    if states:
        parts += [rule("tickets by round"), *_grid(states), "\n".join(_about(log))]
    parts.append(rule("files by round"))
    parts += [_change(change) for change in changed] or ["no file was changed"]
    return "\n\n".join(parts) + "\n"


def _plans(log: Sequence[Message]) -> Iterator[str]:
    """The plan of each author as it stood when the tickets came, and whether it was written anew before."""
    for author, text in plans(log).items():
        written = [message.round for message in log if message.kind == "plan" and message.sender == author]
        again = f", the last of {len(written)}" if len(written) > 1 else ""
        yield f"round {written[-1]} · {line(author)}{again}\n{quoted(text)}"


def _grid(states: Sequence[TicketInRound]) -> Iterator[str]:
    """A line of signs for each ticket, a column for each round; long boards go on below."""
    last, names = max(state.round for state in states), list(dict.fromkeys(state.ticket for state in states))
    sign = {(s.ticket, s.round): "m" if s.moved else SIGNS.get(s.state, "?") for s in states}
    wide = max(map(len, (*names, "round")))
    for first in range(min(state.round for state in states), last + 1, WIDE):
        shown = range(first, min(first + WIDE, last + 1))
        ruler = "".join(str(round // 10 or " ")[-1] if round % 10 == 0 else " " for round in shown)
        lines = [f"{'':{wide}}  {ruler}".rstrip()] if ruler.strip() else []
        lines += [f"{'round':{wide}}  {''.join(str(round % 10) for round in shown)}"]
        for name in names:
            row = "".join(sign.get((name, round), " ") for round in shown).rstrip()
            if row:
                lines.append(f"{line(name):{wide}}  {row}")
        yield "\n".join(lines)
    yield _LEGEND


def _about(log: Sequence[Message]) -> Iterator[str]:
    """A line on each ticket, and its flaws."""
    for ticket in tickets(log).by_id.values():
        facts = [ticket.state, line(ticket.owner or "no owner"), _when(ticket)]
        facts += [pluralize(ticket.reviews, "review")] if ticket.reviews else []
        facts += [f"changes wanted {pluralize(len(ticket.changes), 'time')}"] if ticket.changes else []
        facts += [f"moved {pluralize(ticket.moves, 'time')}"] if ticket.moves else []
        facts += [f"flaw {line(name)} {'caught' if name in ticket.caught else 'planted'}" for name in ticket.planted]
        facts += [f"the flaw {line(name)} did not fit" for name in ticket.unplanted]
        yield f"{line(ticket.id)} · {' · '.join(facts)}\n{quoted(line(ticket.title))}"


def _when(ticket: Ticket) -> str:
    if ticket.closed is None:
        return f"open since round {ticket.opened}"
    return f"rounds {ticket.opened} to {ticket.closed}"


def _change(change: FileChange) -> str:
    by = f" by {', '.join(map(line, change.by))}" if change.by else ""
    return f"round {change.round} · {line(change.path)}{by}\n{quoted(change.diff)}"
