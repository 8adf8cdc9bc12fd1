"""What follows from a round on a board: reviews begin, silent agents are reminded, tickets go on or end."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from agentlab.organization.board import plan
from agentlab.organization.board.plants import caught, planted
from agentlab.organization.board.rules import Rules
from agentlab.organization.board.tickets import OVER, Ticket, Tickets, tickets
from agentlab.organization.board.workspace import clash, files, settled
from agentlab.types import BOARD, OUTPUT, POST, TASK, WORKSPACE, Message

WHOLE = "The whole task."
"""The one ticket of an agent alone."""


def settle(rules: Rules, log: Sequence[Message], round: int) -> list[Message]:
    """What the board says at the end of `round`, whose messages end `log`.

    Afterwards somebody has been told to act, or every ticket is over.
    """
    settling = Settling(rules, tickets(log), tuple(log), round)
    for step in _STEPS:
        step(settling)
    return settling.said


@dataclass(slots=True)
class Settling:
    """A round that comes to its end."""

    rules: Rules
    tickets: Tickets
    log: tuple[Message, ...]
    round: int
    said: list[Message] = field(default_factory=list[Message])

    def say(
        self, kind: str, to: str | Sequence[str] | None, content: str, ref: str | None = None, sender: str = BOARD
    ) -> None:
        """Posts a message: to agents, or to the board alone."""
        readers = (to or BOARD,) if to is None or isinstance(to, str) else tuple(to)
        self.post(Message(sender, readers, kind, content, ref))

    def post(self, message: Message) -> None:
        """Posts a message as it is."""
        self.said.append(message)
        self.tickets.apply(message, self.round)

    def every(self, *states: str) -> list[Ticket]:
        return [ticket for ticket in self.tickets.by_id.values() if ticket.state in states]

    def load(self, worker: str) -> int:
        """How much an agent has to do."""
        reviews = sum(ticket.reviewer == worker for ticket in self.every("review"))
        return reviews + len(self.tickets.owned(worker, "open", "active", "submitted", "review"))

    def least(self, names: Sequence[str]) -> str:
        """Of these agents the one with the least to do, the first of several."""
        return min(names, key=self.load)

    def end(self, ticket: Ticket, kind: str, why: str) -> None:
        """Ends a ticket, and tells a lead that stays."""
        self.say(kind, self.rules.lead if self.rules.stays else None, why, ticket.id)


def _merged(now: Settling) -> None:
    """Files that several agents changed in this round are written as they are now."""
    for file in settled(now.log, now.round):
        if not file.written:
            now.say("removed" if file.text is None else "file", WORKSPACE, file.text or "", file.path)
        for edit in file.refused:
            text = (
                f"Your change of {file.path} was not made: another agent changed the same lines in the same round. "
                "Read the file as it is now, and make the change again."
            )
            now.say("conflict", edit.sender, text, file.path, POST)


def _folders(now: Settling) -> None:
    """Of files of which one would be a folder of the other, the one that was there first stays."""
    there = dict[str, str]()
    for path in files((*now.log, *now.said)):
        if other := clash(path, there):
            edit = next(m for m in reversed(now.log) if m.kind == "file" and m.ref == path)
            text = f"Your file {path} was not kept: {other} is a file, and one would be a folder of the other."
            now.say("removed", WORKSPACE, "", path)
            now.say("conflict", edit.sender, text, path, POST)
        else:
            there[path] = ""


def _claims(now: Settling) -> None:
    for message in now.log:
        if message.round == now.round and message.kind == "claim" and message.ref:
            ticket = now.tickets.by_id[message.ref]
            if ticket.owner != message.sender:
                now.say(
                    "bounce", message.sender, f"{ticket.owner} was first: {ticket.id} is not yours.", ticket.id, POST
                )


def _planned(now: Settling) -> None:
    """The next round of the plan begins, or the time of tickets."""
    if now.round < now.rules.plan_rounds:
        now.say("planning", now.rules.plan_by, plan.asked(now.rules, now.round + 1))
    elif now.round == now.rules.plan_rounds and now.rules.solo is None:
        now.say("planning", now.rules.planners, plan.STANDS)
    elif now.round == now.rules.plan_rounds:
        now.say("ticket", None, WHOLE, "T1", TASK)
        now.say("work", now.rules.solo, WHOLE, "T1")


def _planted(now: Settling) -> None:
    """Flaws are put in before anybody reviews, and those that a review of this round found are noted."""
    if now.rules.plants:
        log = (*now.log, *now.said)
        for message in list(caught(now.rules.plants, now.tickets, now.log, now.round)):
            now.post(message)
        for message in list(planted(now.rules.plants, now.tickets, log, now.round)):
            now.post(message)


def _submitted(now: Settling) -> None:
    for ticket in now.every("submitted"):
        reviewers = [name for name in now.rules.reviewers if name != ticket.owner]
        if not now.rules.reviewers:
            now.end(ticket, "closed", "Done, without a review.")
        elif not reviewers:
            now.end(ticket, "closed", "Done. Nobody but its owner could review it.")
        else:  # the same reviewer looks again at what it wanted changed
            reviewer = ticket.reviewer if ticket.reviewer in reviewers else now.least(reviewers)
            now.say("request", reviewer, _request(now, ticket), ticket.id)


def _request(now: Settling, ticket: Ticket) -> str:
    parts = [f"Review {ticket.id} of {ticket.owner}. What was asked:\n{ticket.text}"]
    parts.append(f"What {ticket.owner} says:\n{ticket.reports[-1]}")
    if ticket.changes:
        parts.append(f"What was to be changed:\n{ticket.changes[-1]}")
    edits = (m.ref for m in now.log if m.sender == ticket.owner and m.kind in ("file", "removed"))
    if paths := [path for path in dict.fromkeys(edits) if path]:
        parts.append(f"Files that {ticket.owner} has changed so far: {', '.join(paths)}")
    if now.rules.checklist:
        parts.append("Check each of these:\n" + "\n".join(f"- {item}" for item in now.rules.checklist))
    return "\n\n".join(parts)


def _reviewed(now: Settling) -> None:
    for ticket in now.every("approved"):
        now.end(ticket, "closed", f"Approved by {ticket.reviewer}. {ticket.reason}".strip())
    for ticket in now.every("active"):
        if len(ticket.changes) >= now.rules.changes:
            now.end(ticket, "failed", f"Changes were wanted {len(ticket.changes)} times.")
    for ticket in now.every("review"):
        if ticket.woken == now.round:
            continue
        if ticket.reminders + 1 < now.rules.tries:
            now.say("continue", ticket.reviewer, f"Your review of {ticket.id} is due.", ticket.id)
        else:
            now.end(ticket, "closed", "No review came.")


def _silent(now: Settling) -> None:
    """Owners that acted and did not finish."""
    for ticket in now.every("active"):
        if ticket.woken == now.round:
            continue
        others = [name for name in now.rules.workers if name != ticket.owner]
        if ticket.reminders + 1 < now.rules.tries:
            now.say("continue", ticket.owner, f"Go on with {ticket.id}, and say when it is done.", ticket.id)
        elif others and ticket.moves < now.rules.moves:
            now.say("moved", None, now.least(others), ticket.id)
        else:
            now.end(ticket, "failed", f"{ticket.owner} did not finish it in {now.rules.tries} turns.")


def _doomed(now: Settling) -> None:
    """Tickets that can never be begun; one that fails may doom others."""
    waiting = True
    while waiting:
        waiting = [(t, why) for t in now.every("open") if (why := now.tickets.doomed(t)) is not None]
        for ticket, why in waiting:
            now.end(ticket, "failed", why)


def _owners(now: Settling) -> None:
    """A ticket that can be begun gets an owner: who claims it, where workers do; who has the least to do, where they do
    not, or where nobody wanted it."""
    unowned = [ticket for ticket in now.every("open") if ticket.owner is None and now.tickets.ready(ticket)]
    offered = {message.ref for message in now.log if message.kind == "offer"}
    idle = [worker for worker in now.rules.workers if not now.tickets.owned(worker, "active")]
    for ticket in unowned:
        if now.rules.claim and idle and ticket.id not in offered:
            now.say("offer", idle, ticket.text, ticket.id)
        elif ticket.id in offered or not now.rules.claim:
            now.say("assign", None, now.least(now.rules.workers), ticket.id)


def _begun(now: Settling) -> None:
    """Every worker that has nothing else to do begins its next ticket."""
    for worker in now.rules.workers:
        if now.tickets.owned(worker, "active"):
            continue
        for ticket in now.tickets.owned(worker, "open"):
            if now.tickets.ready(ticket):
                now.say("work", worker, ticket.text, ticket.id)
                break


def _planless(now: Settling) -> None:
    """Nobody has put up a ticket yet."""
    planning = now.round <= now.rules.plan_rounds
    if not planning and not now.tickets.by_id and now.tickets.asked + 1 < now.rules.tries:
        now.say("continue", now.rules.planners, "The board is empty. Put up tickets.")


def _over(now: Settling) -> None:
    """Delivers a summary once every ticket is over, after a lead that stays has had its say."""
    every, to_lead = now.tickets.by_id.values(), [m for m in now.said if now.rules.lead in m.to]
    if not every or to_lead or not now.rules.delivers or any(ticket.state not in OVER for ticket in every):
        return
    if any(OUTPUT in message.to for message in now.log):
        return
    lines = [f"{t.id} is {t.state}: {t.title}" for t in every]
    if paths := sorted(files((*now.log, *now.said))):
        lines.append(f"Files: {', '.join(paths)}")
    now.said.append(Message(BOARD, (OUTPUT,), "output", "\n".join(lines)))


_STEPS: tuple[Callable[[Settling], None], ...] = (
    _merged,
    _folders,
    _claims,
    _planned,
    _planted,
    _submitted,
    _reviewed,
    _silent,
    _doomed,
    _owners,
    _begun,
    _planless,
    _over,
)
