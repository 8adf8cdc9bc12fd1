"""The tickets of a team, as its messages made them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from agentlab.types import Message

State = Literal["open", "active", "submitted", "review", "approved", "done", "failed"]
"""`submitted` and `approved` are seen within a round only: its end makes a review or `done` of them."""
OVER: tuple[State, ...] = ("done", "failed")


@dataclass(slots=True)
class Ticket:
    """A piece of work: who put it up, who owns it, and how far it is."""

    id: str
    text: str
    by: str
    opened: int
    """The round it was put up in."""
    after: tuple[str, ...] = ()
    """Tickets that must be done before it is begun."""
    owner: str | None = None
    state: State = "open"
    woken: int = 0
    """The round in which its owner, or its reviewer during a review, was last told to act."""
    reminders: int = 0
    """How often its owner was reminded since it was last told something new."""
    moves: int = 0
    """How often it went to another owner because the one before was silent."""
    reviewer: str | None = None
    reports: list[str] = field(default_factory=list[str])
    """What its owners said when they were done."""
    changes: list[str] = field(default_factory=list[str])
    """What reviewers wanted changed, one entry for each time."""
    reviews: int = 0
    """How many reviews came, whatever they said."""
    planted: list[str] = field(default_factory=list[str])
    """Names of the flaws that were put into it."""
    unplanted: list[str] = field(default_factory=list[str])
    """Names of the flaws for which it had no place."""
    caught: list[str] = field(default_factory=list[str])
    """Of the planted flaws those that a request for changes pointed out."""
    closed: int | None = None
    """The round in which it was done or failed."""
    reason: str = ""
    """Why it failed, or how it came to be done."""

    @property
    def title(self) -> str:
        """Its first line."""
        return self.text.strip().split("\n", 1)[0][:100]


@dataclass(slots=True)
class Tickets:
    """All tickets of a rollout, in the order in which they were put up."""

    by_id: dict[str, Ticket] = field(default_factory=dict[str, Ticket])
    asked: int = 0
    """How often those who plan were reminded to put up tickets."""

    def apply(self, message: Message, round: int) -> None:
        """Takes in what happened; a message about no ticket changes nothing."""
        if message.kind == "ticket" and message.ref:
            self.by_id[message.ref] = Ticket(message.ref, message.content, message.sender, round)
        elif message.kind == "continue" and message.ref is None:
            self.asked += 1
        elif message.kind == "conflict":
            for ticket in self.by_id.values():
                if ticket.owner in message.to and ticket.state in ("active", "submitted"):
                    ticket.state, ticket.woken = "active", round
        elif (happens := _HAPPENS.get(message.kind)) and (ticket := self.by_id.get(message.ref or "")) is not None:
            happens(ticket, message, round)

    def owned(self, agent: str, *states: State) -> list[Ticket]:
        """The tickets of an agent in one of these states."""
        return [ticket for ticket in self.by_id.values() if ticket.owner == agent and ticket.state in states]

    def ready(self, ticket: Ticket) -> bool:
        """Whether it can be begun: all that it waits for is done."""
        return ticket.state == "open" and all(self.by_id[id].state == "done" for id in ticket.after if id in self.by_id)

    def doomed(self, ticket: Ticket) -> str | None:
        """Why a ticket that waits can never be begun: what it waits for has failed, or waits for it."""
        if failed := next((id for id in ticket.after if id in self.by_id and self.by_id[id].state == "failed"), None):
            return f"{failed} failed, which it waits for."
        seen, ahead = set[str](), list(ticket.after)
        while ahead:
            if (id := ahead.pop()) == ticket.id:
                return "It waits for itself."
            if id not in seen and id in self.by_id:
                seen.add(id)
                ahead += self.by_id[id].after
        return None


def tickets(log: Iterable[Message]) -> Tickets:
    """The tickets after all of `log`."""
    board = Tickets()
    for message in log:
        board.apply(message, message.round)
    return board


def _after(ticket: Ticket, message: Message, _: int) -> None:
    ticket.after = tuple(message.content.split())


def _assign(ticket: Ticket, message: Message, _: int) -> None:
    ticket.owner = message.content


def _claim(ticket: Ticket, message: Message, _: int) -> None:
    ticket.owner = ticket.owner or message.sender


def _work(ticket: Ticket, message: Message, round: int) -> None:
    ticket.state, ticket.owner, ticket.woken, ticket.reminders = "active", message.to[0], round, 0


def _moved(ticket: Ticket, message: Message, _: int) -> None:
    ticket.state, ticket.owner, ticket.moves = "open", message.content, ticket.moves + 1


def _continue(ticket: Ticket, _: Message, round: int) -> None:
    ticket.woken, ticket.reminders = round, ticket.reminders + 1


def _done(ticket: Ticket, message: Message, _: int) -> None:
    ticket.state = "submitted"
    ticket.reports.append(message.content)


def _request(ticket: Ticket, message: Message, round: int) -> None:
    ticket.state, ticket.reviewer, ticket.woken, ticket.reminders = "review", message.to[0], round, 0


def _approve(ticket: Ticket, message: Message, _: int) -> None:
    ticket.state, ticket.reason, ticket.reviews = "approved", message.content, ticket.reviews + 1


def _change(ticket: Ticket, message: Message, round: int) -> None:
    ticket.changes.append(message.content)
    ticket.reviews += 1
    ticket.state, ticket.woken, ticket.reminders = "active", round, 0


def _reworded(ticket: Ticket, message: Message, _: int) -> None:
    ticket.text = message.content


def _planted(ticket: Ticket, message: Message, _: int) -> None:
    ticket.planted.append(message.content)


def _unplanted(ticket: Ticket, message: Message, _: int) -> None:
    ticket.unplanted.append(message.content)


def _caught(ticket: Ticket, message: Message, _: int) -> None:
    ticket.caught.append(message.content)


def _close(state: State) -> Callable[[Ticket, Message, int], None]:
    def close(ticket: Ticket, message: Message, round: int) -> None:
        ticket.state, ticket.closed, ticket.reason = state, round, message.content

    return close


_HAPPENS: Mapping[str, Callable[[Ticket, Message, int], None]] = {
    "after": _after,
    "assign": _assign,
    "claim": _claim,
    "work": _work,
    "moved": _moved,
    "continue": _continue,
    "done": _done,
    "request": _request,
    "approve": _approve,
    "change": _change,
    "reworded": _reworded,
    "planted": _planted,
    "unplanted": _unplanted,
    "caught": _caught,
    "closed": _close("done"),
    "failed": _close("failed"),
}
