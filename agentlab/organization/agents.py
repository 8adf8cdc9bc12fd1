"""Agents, the protocol between them, and the question that ends their work."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from agentlab.interfaces import Routing, Toolset
from agentlab.organization.declaration import Hooks, hooks_of, kinds_of, tags_of
from agentlab.types import Message, MessageKind, Settings, ToolSpec


@dataclass(frozen=True, slots=True)
class Closing:
    """The question asked when nothing has reached `@output`; an agent alone gets it as part of its task."""

    ask: str
    agent: str


@dataclass(frozen=True, slots=True)
class Agent:
    """A member of an organization, resolved: addenda are already in `system`, `model` is a key of `models:`."""

    name: str
    system: str = ""
    model: str = "default"
    settings: Settings = field(default_factory=Settings)
    tools: tuple[Toolset, ...] = ()
    memory: Literal["all", "unread"] | int = "all"
    """How many of its own earlier turns it is shown: all, none (`unread`), or the last k."""

    @property
    def offered(self) -> tuple[ToolSpec, ...]:
        """Its tools as a model is told of them."""
        return tuple(tool.spec for toolset in self.tools for tool in toolset.tools)


@dataclass(frozen=True, slots=True)
class Organization:
    """Agents in roster order, their protocol, and its limits."""

    agents: tuple[Agent, ...]
    protocol: Routing
    rounds: int
    closing: Closing | None = None
    calls: int = 8
    """Most model calls in one turn; only tools make it more than one."""
    roster: Mapping[str, Agent] = field(init=False, repr=False, compare=False)
    systems: Mapping[str, str] = field(init=False, repr=False, compare=False)
    """By agent: its system prompt with the protocol's manual."""
    kinds: Mapping[str, MessageKind] = field(init=False, repr=False, compare=False)
    tags: tuple[str, ...] = field(init=False, repr=False, compare=False)
    """All that its protocol reads or shows."""
    hooks: Hooks = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        manuals = {agent.name: self.protocol.manual(agent.name) for agent in self.agents}
        systems = {a.name: "\n\n".join(part for part in (a.system, manuals[a.name]) if part) for a in self.agents}
        object.__setattr__(self, "roster", {agent.name: agent for agent in self.agents})
        object.__setattr__(self, "systems", systems)
        object.__setattr__(self, "kinds", kinds_of(self.protocol))
        object.__setattr__(self, "tags", tags_of(self.protocol))
        object.__setattr__(self, "hooks", hooks_of(self.protocol))

    def files(self, log: Sequence[Message]) -> Mapping[str, str]:
        """The workspace by path, as the messages made it; empty where the protocol has none."""
        return self.hooks.workspace(log) if self.hooks.workspace is not None else {}

    def files_of_turn(self, log: Sequence[Message]) -> Mapping[str, str]:
        """The workspace that a turn begins with."""
        return self.hooks.begins(log) if self.hooks.begins is not None else self.files(log)
