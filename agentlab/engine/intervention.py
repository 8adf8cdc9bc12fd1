"""What a fork does otherwise from its cut on: another model behind an agent, a message lost or altered."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

from agentlab.organization.agents import Agent
from agentlab.types import Message

MESSAGES = ("drop ", "edit ")
"""How the texts of changes to a message begin; that of the last kept round is not the parent's any more."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change. `text` names it in the run: `swap analyst=provider/name`, `drop 12`, `edit 12 0a1b2c3d`."""

    text: str
    agent: Agent | None = None
    """Takes the place of its namesake in every turn that is drawn anew."""
    message: int | None = None
    """Index of a message of the last kept round, which is changed in transit: its author remembers what it wrote."""
    content: str | None = None
    """What its readers get instead; None when they get nothing."""

    def applied(self, log: Sequence[Message]) -> list[Message]:
        """The log with the message changed, or gone."""
        left = [m for m in log if m.index != self.message or self.content is not None]
        edited = [replace(m, content=self.content or "") if m.index == self.message else m for m in left]
        return [replace(m, index=i) for i, m in enumerate(edited)]


def swap(agent: Agent, model: str) -> Change:
    """`agent`, with another model behind it."""
    return Change(f"swap {agent.name}={model}", agent=agent)


def swapped(text: str) -> tuple[str, str] | None:
    """The agent and the model of a swap that was stored as `text`; None for another change, or none."""
    what, _, rest = text.partition(" ")
    agent, _, model = rest.partition("=")
    return (agent, model) if what == "swap" else None


def drop(message: int) -> Change:
    """A message that reaches nobody."""
    return Change(f"drop {message}", message=message)


def edit(message: int, content: str) -> Change:
    """A message that says something else."""
    mark = blake2b(content.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return Change(f"edit {message} {mark}", message=message, content=content)
