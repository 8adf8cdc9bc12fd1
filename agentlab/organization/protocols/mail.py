"""Mail between named contacts: hierarchies and free networks. What is not tagged as mail is private."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import ClassVar, Literal

from msgspec import Struct
from pydantic import BaseModel, Field

from agentlab.organization.agents import Closing
from agentlab.organization.declaration import Flaw
from agentlab.organization.markup import Block, markup
from agentlab.strict import STRICT
from agentlab.types import EVERYONE, OUTPUT, POST, TASK, VETO, Completion, Message, MessageKind, Task

READ = ("mail", "output", "veto")
"""Tags by which a reply is delivered."""
KINDS: Mapping[str, MessageKind] = {
    "mail": MessageKind(ref="subject", addressed=True),
    "veto": MessageKind(),
    "bounce": MessageKind(fate="bounced", wakes="once"),
    "unparsed": MessageKind(fate="unparsed", wakes="once"),
    "truncated": MessageKind(fate="truncated"),
}
_parse = markup((*READ, *(kind for kind in KINDS if kind not in READ))).parse


class MailConfig(BaseModel):
    """Who begins and who may write to whom."""

    model_config = STRICT
    edges_at: ClassVar[str] = "contacts"

    kind: Literal["mail"] = Field(description="Mail between named contacts.")
    start: tuple[str, ...] = Field(min_length=1, description="Agents that get the task in round 1.")
    contacts: Mapping[str, tuple[str, ...]] = Field(
        default_factory=dict[str, tuple[str, ...]],
        description="For each agent, the agents it may write to. An agent that is not listed may not write to anyone.",
    )
    brief: Literal["start", "all"] = Field(
        default="start", description="Who sees the task: the agents in `start`, or every agent."
    )
    veto: tuple[str, ...] = Field(
        default=(), description="Agents that may stop the work, with a reason, so that nothing is delivered."
    )
    untagged: Literal["private", "contacts"] = Field(
        default="private",
        description="What happens to a reply without tags: it stays private, or it goes to every contact of its "
        "author. The second suits small models that rarely write tags.",
    )

    def mistakes(self, cast: tuple[str, ...]) -> list[Flaw]:
        """Names outside the cast, and agents that are their own contacts."""
        known = f"one of {', '.join(cast)}"
        flaws: list[Flaw] = [
            (("start", i), f"no agent {name!r} in the cast", known)
            for i, name in enumerate(self.start)
            if name not in cast
        ]
        flaws += [
            (("start", i), f"{name!r} appears twice", "each agent once")
            for i, name in enumerate(self.start)
            if name in self.start[:i]
        ]
        flaws += [
            (("veto", i), f"no agent {name!r} in the cast", known)
            for i, name in enumerate(self.veto)
            if name not in cast
        ]
        for name, contacts in self.contacts.items():
            if name not in cast:
                flaws.append((("contacts", name), f"no agent {name!r} in the cast", known))
            for i, other in enumerate(contacts):
                if other not in cast:
                    flaws.append((("contacts", name, i), f"no agent {other!r} in the cast", known))
                elif other == name:
                    flaws.append((("contacts", name, i), f"{name!r} is its own contact", "another agent"))
        return flaws

    def turns(self) -> int:
        """The fewest rounds that the protocol needs."""
        return 1

    def build(self, cast: tuple[str, ...], closing: Closing | None, writers: tuple[str, ...] | None) -> "Mail":
        """The routing. Writers to `@output`: those declared, else the closing agent, else anyone."""
        if writers is None:
            writers = (closing.agent,) if closing else cast
        briefed = frozenset(cast if self.brief == "all" else self.start)
        ask = closing.ask if closing and len(cast) > 1 else None
        untagged, veto = self.untagged == "contacts", frozenset(self.veto)
        return Mail(self.start, dict(self.contacts), briefed, frozenset(writers), ask, untagged, veto)


class Mail(Struct, frozen=True):
    """Delivers to named contacts; whatever cannot be delivered is a message too."""

    start: tuple[str, ...]
    contacts: Mapping[str, tuple[str, ...]]
    briefed: frozenset[str]
    writers: frozenset[str]
    ask: str | None
    send_untagged: bool
    veto: frozenset[str] = frozenset()
    kinds = KINDS
    tags = READ

    @property
    def edges(self) -> Mapping[str, tuple[str, ...]]:
        """Who may write to whom: the task goes to those who start, `@output` is for the writers."""
        names = dict.fromkeys((*self.contacts, *sorted(self.writers), *sorted(self.veto)))
        members = ((OUTPUT, self.writers), (VETO, self.veto))
        ends = {name: [member for member, may in members if name in may] for name in names}
        return {TASK: self.start, **{name: (*self.contacts.get(name, ()), *ends[name]) for name in names}}

    def open(self, task: Task) -> Sequence[Message]:
        """The task goes to those who start."""
        return (Message(TASK, self.start, "task", task.prompt),)

    def manual(self, agent: str) -> str:
        """How to write mail, to whom, and how to deliver."""
        contacts, parts = self.contacts.get(agent, ()), list[str]()
        if contacts:
            parts.append(
                f"You may write to: {', '.join(contacts)}\nTo send a mail, write\n"
                '<mail to="NAME" subject="SUBJECT">\nyour text\n</mail>\n'
                "Put commas between several names. Mail arrives at the end of the round."
            )
            parts.append(
                "A reply without any tag is sent to all of them."
                if self.send_untagged
                else "What you write outside of tags is private: nobody reads it."
            )
        if agent in self.veto:
            parts.append(
                "You may stop this work: write <veto>your reason</veto>. It ends at once, and nothing is delivered."
            )
        if agent in self.writers:
            parts.append("To deliver the final result, write it between <output> and </output>.")
            if self.ask:
                parts.append(f"The final result must answer this: {self.ask}")
        return "\n".join(parts)

    def route(self, agent: str, reply: Completion, log: Sequence[Message], round: int) -> Sequence[Message]:
        """One message per block, and a bounce for every name that is not a contact."""
        blocks = [block for block in _parse(reply.text) if block.tag in READ]
        if not blocks and self.send_untagged and reply.text.strip() and self.contacts.get(agent):
            return (Message(agent, self.contacts[agent], "mail", reply.text.strip()),)
        cut = reply.stop == "length"
        return [message for block in blocks for message in self._deliver(agent, block, cut)]

    def _deliver(self, agent: str, block: Block, cut: bool) -> Sequence[Message]:
        written: Mapping[str, str] = block.attributes if block.tag == "mail" else {}
        named = written.get("to", "") if block.tag == "mail" else OUTPUT if block.tag == "output" else VETO
        if block.body is None and cut:
            text = f"A {block.tag} was cut off by the length limit."
            return (Message(agent, (), "truncated", text, named or None),)
        if block.body is None:
            text = f"A <{block.tag}> was not sent: </{block.tag}> is missing."
            return (Message(POST, (agent,), "unparsed", text, named or None),)
        if block.tag == "veto":
            if agent in self.veto:
                return (Message(agent, (VETO,), "veto", block.body),)
            return (Message(POST, (agent,), "bounce", "You may not veto this work.", VETO),)
        if block.tag == "output":
            if agent in self.writers:
                return (Message(agent, (OUTPUT,), "output", block.body),)
            return (Message(POST, (agent,), "bounce", "You may not deliver the final result.", OUTPUT),)
        if not named:
            return (Message(POST, (agent,), "unparsed", 'A mail was not sent: to="NAME" is missing.', None),)
        return self._send(agent, named, written.get("subject"), block.body)

    def _send(self, agent: str, named: str, subject: str | None, body: str) -> Sequence[Message]:
        contacts = self.contacts.get(agent, ())
        recipients, unknown = _addressed(named, contacts)
        sent = (Message(agent, recipients, "mail", body, subject or None),) if recipients else ()
        if not unknown:
            return sent
        allowed = f"You may write to: {', '.join(contacts)}" if contacts else "You may write to nobody."
        names = [name[:100] for name in unknown]
        texts = [f"Your mail to {name!r} was not delivered. {allowed}" for name in names]
        return (*sent, *(Message(POST, (agent,), "bounce", *told) for told in zip(texts, names, strict=True)))


@lru_cache(maxsize=1024)
def _addressed(named: str, contacts: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The contacts that are named, and the names of nobody. Agents write to the same few again and again."""
    by_name = {contact.casefold(): contact for contact in contacts}
    names = [name for part in named.replace(";", ",").split(",") if (name := part.strip())]
    if EVERYONE in names:
        names = list(contacts)
    recipients = dict.fromkeys(by_name[name.casefold()] for name in names if name.casefold() in by_name)
    return tuple(recipients), tuple(dict.fromkeys(name for name in names if name.casefold() not in by_name))
