"""Flaws that are put into a team's work as if its agents had made them, to count what reviews catch."""

import re
from collections.abc import Iterator, Sequence

from agentlab.organization.board import workspace
from agentlab.organization.board.rules import Plant
from agentlab.organization.board.tickets import Ticket, Tickets
from agentlab.types import BOARD, WORKSPACE, Message


def planted(plants: Sequence[Plant], tickets: Tickets, log: Sequence[Message], round: int) -> Iterator[Message]:
    """The flaws that are due at the end of `round`, whose messages end `log`.

    A flaw in a ticket is due when the ticket was created, the others when its owner first says that it is done. A
    message `planted` stands before each; where there was no place for one, a message `unplanted` says so.
    """
    so_far = list(log)
    for plant in plants:
        for ticket in _chosen(plant, tickets):
            if plant.name in ticket.planted or plant.name in ticket.unplanted:
                continue
            if ticket.state == "submitted" or (plant.where == "ticket" and ticket.opened == round):
                author = ticket.by if plant.where == "ticket" else ticket.owner or ticket.by
                made = _made(plant, ticket, author, so_far) if _in_time(plant, ticket, round) else None
                yield Message(author, (BOARD,), "unplanted" if made is None else "planted", plant.name, ticket.id)
                if made is not None:
                    so_far.append(made)
                    yield made


def caught(plants: Sequence[Plant], tickets: Tickets, log: Sequence[Message], round: int) -> Iterator[Message]:
    """For each flaw that a request for changes of `round` points out: a message with its name."""
    for message in log:
        if message.round != round or message.kind != "change" or message.ref not in tickets.by_id:
            continue
        ticket = tickets.by_id[message.ref]
        for plant in plants:
            there = plant.name in ticket.planted and plant.name not in ticket.caught
            if there and re.search(plant.caught or "", message.content, re.IGNORECASE):
                yield Message(message.sender, (BOARD,), "caught", plant.name, ticket.id)


def _chosen(plant: Plant, tickets: Tickets) -> list[Ticket]:
    every = list(tickets.by_id.values())
    return every if plant.ticket is None else every[plant.ticket - 1 : plant.ticket]


def _in_time(plant: Plant, ticket: Ticket, round: int) -> bool:
    return plant.where != "ticket" or (ticket.opened == round and ticket.state == "open")


def _made(plant: Plant, ticket: Ticket, author: str, log: Sequence[Message]) -> Message | None:
    """The flaw as a message of its author; None where there is no place for it."""
    if plant.where == "files":
        return _in_files(plant, author, log)
    before = ticket.text if plant.where == "ticket" else ticket.reports[-1]
    after = _with(plant, before)
    if after is None:
        return None
    return Message(author, (BOARD,), "reworded" if plant.where == "ticket" else "done", after, ticket.id)


def _in_files(plant: Plant, author: str, log: Sequence[Message]) -> Message | None:
    files = workspace.files(log)
    if plant.path is not None:
        paths = [plant.path] if plant.path in files or plant.find is None else []
    else:
        paths = sorted({m.ref for m in log if m.sender == author and m.kind == "file" and m.ref in files})
    for path in paths:
        after = _with(plant, files.get(path, ""))
        if after is not None and workspace.fault(path, after, files) is None:
            return Message(author, (WORKSPACE,), "file", after, path)
    return None


def _with(plant: Plant, text: str) -> str | None:
    """The text with the flaw; None where what is to be replaced is not in it."""
    if plant.find is None:
        gap = "" if not text or text.endswith("\n") else "\n"
        return f"{text}{gap}{plant.text}\n"
    after, many = re.subn(plant.find, lambda _: plant.text, text, count=1, flags=re.IGNORECASE)
    return after if many and after != text else None
