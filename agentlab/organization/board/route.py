"""What an agent's reply and its tools say to the board."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from agentlab.organization.board import workspace
from agentlab.organization.board.rules import Rules
from agentlab.organization.board.tickets import Ticket, Tickets, tickets
from agentlab.organization.markup import Block, markup
from agentlab.types import BOARD, OUTPUT, POST, WORKSPACE, Call, Completion, Message

TAGS = ("plan", "ticket", "assign", "claim", "done", "review", "file", "output")
TOOLS = ("ticket", "assign", "claim", "done", "review")
"""Tags that are tools too."""
MOST = 200
"""Tickets of a rollout."""
APPROVE, CHANGE = ("approve", "approved", "accept", "pass", "ok"), ("change", "changes", "reject", "fail")
_ID = re.compile(r"[\w.-]{1,40}")
_parse = markup(TAGS).parse
FILES = markup(("file",))
"""All that an agent without a board may write."""


def route(
    rules: Rules, writers: frozenset[str], agent: str, reply: Completion, log: Sequence[Message], round: int
) -> list[Message]:
    """A message for each block of the reply that may be what it says; for each other one what is wrong with it."""
    routing = _Routing(rules, writers, agent, tickets(log), workspace.files(log), reply.stop == "length")
    routing.planning = round <= rules.plan_rounds
    blocks = _parse(reply.text)
    routing.coming = frozenset(block.attributes.get("id", "") for block in blocks if block.tag == "ticket")
    messages: list[Message] = []
    for block in blocks:
        for message in routing.block(block):
            routing.board.apply(message, -1)
            messages.append(message)
    return messages


def acted(rules: Rules, agent: str, turn: Sequence[Call], log: Sequence[Message], round: int) -> list[Message]:
    """What the tools of a turn did to files and tickets. An act on a ticket is a tag: `ref` has its attributes."""
    routing = _Routing(rules, frozenset(), agent, tickets(log), workspace.files(log), False)
    routing.planning = round <= rules.plan_rounds
    acts = [act for call in turn for result in call.tool_results for act in result.acts]
    blocks = {i: Block(act.kind, act.ref or "", act.content) for i, act in enumerate(acts) if act.kind in TOOLS}
    routing.coming = frozenset(b.attributes.get("id", "") for b in blocks.values() if b.tag == "ticket")
    messages: list[Message] = []
    for i, act in enumerate(acts):
        if act.kind in ("file", "removed"):
            messages += routing.file(act.ref, act.content, act.kind)
        elif i in blocks:
            for message in routing.block(blocks[i]):
                routing.board.apply(message, -1)
                messages.append(message)
    return messages


def written(rules: Rules, agent: str, reply: Completion, log: Sequence[Message]) -> list[Message]:
    """The files in a reply, of which nothing else is read."""
    routing = _Routing(rules, frozenset(), agent, Tickets(), workspace.files(log), reply.stop == "length")
    return [message for block in FILES.parse(reply.text) for message in routing.block(block)]


@dataclass(slots=True)
class _Routing:
    """One agent's turn."""

    rules: Rules
    writers: frozenset[str]
    agent: str
    board: Tickets
    files: dict[str, str]
    cut: bool
    coming: frozenset[str] = frozenset()
    """The ids of all tickets in the reply: one may wait for another that stands further down."""
    planning: bool = False
    """Whether the team still makes its plan."""

    def block(self, block: Block) -> Iterator[Message]:
        """The messages that a block becomes."""
        tag, given = block.tag, block.attributes
        if block.body is None:
            ref = given.get("id") or given.get("path")
            if self.cut:
                yield Message(self.agent, (), "truncated", f"A {tag} was cut off by the length limit.", ref)
            else:
                yield self.tell("unparsed", f"A <{tag}> was not read: </{tag}> is missing.", ref)
        elif tag == "plan":
            if self.planning and self.agent in self.rules.plan_by:
                yield Message(self.agent, (BOARD,), "plan", block.body)
            else:
                yield self.tell("bounce", "You were not asked for a plan.")
        elif tag == "ticket":
            yield from self.ticket(given, block.body)
        elif tag == "file":
            yield from self.file(given.get("path"), block.body + "\n", "file")
        elif tag == "output":
            if self.agent in self.writers:
                yield Message(self.agent, (OUTPUT,), "output", block.body)
            else:
                yield self.tell("bounce", "You may not deliver the final result.", OUTPUT)
        else:
            yield from self.about(tag, given, block.body)

    def tell(self, kind: str, text: str, ref: str | None = None) -> Message:
        """A message to the agent itself about what was wrong."""
        return Message(POST, (self.agent,), kind, text, ref and ref[:100])

    def ticket(self, given: Mapping[str, str], text: str) -> Iterator[Message]:
        """A new ticket, what it waits for, and its owner."""
        named, id = given.get("id", ""), self.free(given.get("id", ""))
        if self.agent not in self.rules.planners:
            yield self.tell("bounce", "You may not put up tickets.", named or None)
        elif self.planning:
            reason = f"Tickets come after the plan, from round {self.rules.plan_rounds + 1} on."
            yield self.tell("bounce", reason, named or None)
        elif id is None:
            yield self.tell("bounce", f"There is a ticket {named[:100]!r} already. Give this one another id.", named)
        elif not text.strip():
            yield self.tell("unparsed", "A ticket without text was not put up.", id)
        elif len(self.board.by_id) >= MOST:
            yield self.tell("bounce", f"The board has {MOST} tickets, as many as it may have.", id)
        else:
            yield Message(self.agent, (BOARD,), "ticket", text, id)
            waits = [part for part in re.split(r"[\s,;]+", given.get("after", "")) if part]
            known = [part for part in waits if part in self.board.by_id or part in self.coming]
            if known:
                yield Message(self.agent, (BOARD,), "after", " ".join(dict.fromkeys(known)), id)
            for part in dict.fromkeys(waits):
                if part not in known:
                    yield self.tell("bounce", f"{id} does not wait for {part[:100]!r}: there is no such ticket.", id)
            if "to" in given:
                yield self.give(id, given["to"])

    def free(self, named: str) -> str | None:
        """The id of a new ticket: the one that was named, or the next free number; None if there is one like it."""
        if named in self.board.by_id:
            return None
        if _ID.fullmatch(named):
            return named
        taken = self.board.by_id.keys() | self.coming
        return next(id for i in range(1, len(taken) + 2) if (id := f"T{i}") not in taken)

    def give(self, id: str, name: str) -> Message:
        """A ticket goes to a worker."""
        workers = {worker.casefold(): worker for worker in self.rules.workers}
        if (worker := workers.get(name.strip().casefold())) is None:
            text = f"{id} has no owner: {name[:100]!r} is none of {', '.join(self.rules.workers)}."
            return self.tell("bounce", text, id)
        return Message(self.agent, (BOARD,), "assign", worker, id)

    def about(self, tag: str, given: Mapping[str, str], text: str) -> Iterator[Message]:
        """The messages of a block about an existing ticket."""
        ticket = self.named(tag, given.get("id"))
        if ticket is None:
            named = given.get("id", "")
            text = (
                f"A <{tag}> was not read: there is no ticket {named[:100]!r} for it."
                if named
                else (f'A <{tag}> was not read: id="TICKET" is missing.')
            )
            yield self.tell("bounce", text, named or None)
        elif tag == "assign":
            if self.agent not in self.rules.planners or self.rules.lead is None:
                yield self.tell("bounce", "You may not assign tickets.", ticket.id)
            elif ticket.state != "open":
                yield self.tell("bounce", f"{ticket.id} is {ticket.state}: its owner stays.", ticket.id)
            else:
                yield self.give(ticket.id, given.get("to", ""))
        elif tag == "claim":
            if self.agent not in self.rules.workers or not self.rules.claim or ticket.owner or ticket.state != "open":
                yield self.tell("bounce", f"You cannot have {ticket.id}.", ticket.id)
            else:
                yield Message(self.agent, (BOARD,), "claim", "", ticket.id)
        elif tag == "done":
            if ticket.owner != self.agent or ticket.state != "active":
                yield self.tell("bounce", f"{ticket.id} is not yours to end.", ticket.id)
            else:
                yield Message(self.agent, (BOARD,), "done", text, ticket.id)
        else:
            yield self.verdict(ticket, given.get("verdict", "").strip().casefold(), text)

    def named(self, tag: str, id: str | None) -> Ticket | None:
        """The ticket that is meant; without an id the only one that can be."""
        if id:
            return self.board.by_id.get(id)
        if tag == "done":
            possible = self.board.owned(self.agent, "active")
        else:
            possible = [t for t in self.board.by_id.values() if t.state == "review" and t.reviewer == self.agent]
        return possible[0] if tag in ("done", "review") and len(possible) == 1 else None

    def verdict(self, ticket: Ticket, verdict: str, text: str) -> Message:
        """A reviewer's verdict; the owner is told which changes are wanted."""
        if ticket.state != "review" or ticket.reviewer != self.agent or ticket.owner is None:
            return self.tell("bounce", f"You were not asked to review {ticket.id}.", ticket.id)
        if verdict in APPROVE:
            return Message(self.agent, (BOARD,), "approve", text, ticket.id)
        if verdict in CHANGE:
            return Message(self.agent, (ticket.owner,), "change", text, ticket.id)
        return self.tell("unparsed", 'A <review> was not read: write verdict="approve" or verdict="change".', ticket.id)

    def file(self, path: str | None, content: str, kind: str) -> Iterator[Message]:
        """A file as it is now, or one that is there no more."""
        wrong = workspace.fault(path, content, self.files)
        if self.agent not in self.rules.workers and path not in self.rules.shared:
            wrong = "You may not write files."
        elif path and workspace.within(path, self.rules.fixed):
            wrong = f"{path} may not be changed."
        elif kind == "removed" and path not in self.files:
            wrong = f"There is no file {(path or '')[:100]!r}."
        if wrong is not None:
            yield self.tell("bounce", wrong, path)
            return
        assert path is not None
        if kind == "removed":
            del self.files[path]
        else:
            self.files[path] = content
        yield Message(self.agent, (WORKSPACE,), kind, "" if kind == "removed" else content, path)
