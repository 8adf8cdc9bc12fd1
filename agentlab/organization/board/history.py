"""A board after each round, and what each round changed in the files, as folds over the messages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from itertools import groupby

from agentlab.organization.board.tickets import State, Tickets
from agentlab.organization.board.workspace import files
from agentlab.text import pluralize
from agentlab.types import Message

LINES, COMPARED = 60, 5_000
"""Lines of a diff that are shown, and lines of a file that is compared at all."""


@dataclass(frozen=True, slots=True)
class TicketInRound:
    """A ticket as a round left it."""

    round: int
    ticket: str
    state: State
    owner: str | None
    moved: bool
    """Whether it went from a silent owner to another in this round."""


@dataclass(frozen=True, slots=True)
class FileChange:
    """What a round changed in a file."""

    round: int
    path: str
    by: tuple[str, ...]
    """Who changed it, in the order of their changes; members such as `@workspace` are left out."""
    diff: str
    """Unified, cut after `LINES` lines with a line that says so."""


def rounds(log: Sequence[Message]) -> Iterator[TicketInRound]:
    """Every ticket in every round from the one that it was created in to the one that it ended in."""
    board = Tickets()
    for round, messages in groupby(log, key=lambda message: message.round):
        moves = {id: ticket.moves for id, ticket in board.by_id.items()}
        for message in messages:
            board.apply(message, message.round)
        for ticket in board.by_id.values():
            if ticket.closed is None or ticket.closed == round:
                moved = ticket.moves > moves.get(ticket.id, 0)
                yield TicketInRound(round, ticket.id, ticket.state, ticket.owner, moved)


def changes(log: Sequence[Message]) -> Iterator[FileChange]:
    """The files that each round after the opening left otherwise than it found them, by round and path."""
    before = dict[str, str]()
    for round, grouped in groupby(log, key=lambda message: message.round):
        edits = [message for message in grouped if message.kind in ("file", "removed")]
        after = files(edits, before)
        if round > 0:
            for path in sorted({*before, *after}):
                if before.get(path) != after.get(path):
                    by = dict.fromkeys(m.sender for m in edits if m.ref == path and not m.sender.startswith("@"))
                    yield FileChange(round, path, tuple(by), diff(path, before.get(path), after.get(path)))
        before = after


def diff(path: str, before: str | None, after: str | None) -> str:
    """A unified diff; None is no file."""
    old, new = (before or "").splitlines(), (after or "").splitlines()
    if max(len(old), len(new)) > COMPARED:
        return f"({path} has {max(len(old), len(new)):,} lines: too long to compare)"
    names = ("/dev/null" if before is None else path, "/dev/null" if after is None else path)
    lines = list(unified_diff(old, new, *names, lineterm=""))
    if len(lines) > LINES:
        rest = pluralize(len(lines) - LINES, "more line")
        lines = [*lines[:LINES], f"… {rest}; `agentlab export workspace` writes the whole files"]
    return "\n".join(lines) or f"({path}: only line ends changed)"
