"""What a fork does differently from its cut on: another model behind an agent, or a message lost or altered."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal, get_args

from msgspec.structs import replace

from agentlab.organization.agents import Agent
from agentlab.types import Message

ChangeKind = Literal["swap", "drop", "edit", "until"]


@dataclass(frozen=True, slots=True)
class Redraw:
    """An agent's turn is drawn until its messages have a property, or lack it."""

    judge: str
    """The judge of the property. A message has it if its score is at least half of the scale."""
    has: bool
    tries: int
    """Most draws of one turn."""
    resilient: bool = False
    """Whether each later turn of the agent is drawn in this way, too."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change, which `text` names in the run: `swap analyst=provider/name`, `drop 12`, `edit 12 0a1b2c3d`,
    `until objection=no tries 20 resilient`."""

    kind: ChangeKind
    what: str
    """For a swap, `analyst=provider/name`; for a message, its index and, if edited, a hash of its new content."""
    agent: Agent | None = None
    """Replaces the agent of the same name in every turn that is drawn anew."""
    message: int | None = None
    """Index of a message of the last kept round. It is changed in transit: its author remembers what it wrote."""
    content: str | None = None
    """What its readers get instead; None when they get nothing."""
    redraw: Redraw | None = None

    @property
    def text(self) -> str:
        return f"{self.kind} {self.what}"

    @property
    def in_transit(self) -> bool:
        """Whether a message is changed: the last kept round is then not the parent's any more."""
        return self.kind in ("drop", "edit")

    def applied(self, log: Sequence[Message]) -> list[Message]:
        """The log with the message changed, or gone."""
        left = [m for m in log if m.index != self.message or self.content is not None]
        edited = [replace(m, content=self.content or "") if m.index == self.message else m for m in left]
        return [replace(m, index=i) for i, m in enumerate(edited)]


def swap(agent: Agent, model: str) -> Change:
    """`agent`, with another model behind it."""
    return Change("swap", f"{agent.name}={model}", agent=agent)


def until(redraw: Redraw) -> Change:
    """A turn that is drawn until its messages have a property or lack it."""
    resilient = " resilient" if redraw.resilient else ""
    described = f"{redraw.judge}={'yes' if redraw.has else 'no'} tries {redraw.tries}{resilient}"
    return Change("until", described, redraw=redraw)


def stored(text: str) -> Change | None:
    """The change whose `text` a run recorded, without its agent or message; None for a plain fork."""
    kind, _, what = text.partition(" ")
    known = next((name for name in get_args(ChangeKind) if name == kind), None)
    return None if known is None else Change(known, what)


def drop(message: int) -> Change:
    """A message that reaches nobody."""
    return Change("drop", str(message), message=message)


def edit(message: int, content: str) -> Change:
    """A message that says something else."""
    mark = blake2b(content.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return Change("edit", f"{message} {mark}", message=message, content=content)
