"""Agents, the protocol between them, and the question that ends their work."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from msgspec import Struct

from agentlab.interfaces import Routing, Toolset
from agentlab.organization import tagged
from agentlab.organization.declaration import Hooks, hooks_of, kinds_of, tags_of
from agentlab.types import PRODUCT, Message, MessageKind, Settings, ToolSpec


class Closing(Struct, frozen=True):
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
    guide: str = ""
    """How it calls its tools by tags in its replies; empty where its model has tool calls of its own."""

    @property
    def offered(self) -> tuple[ToolSpec, ...]:
        """Its tools as they are described to a model."""
        return tuple(tool.spec for toolset in self.tools for tool in toolset.tools) if self.tools else ()


@dataclass(frozen=True, slots=True)
class TurnLimits:
    """Limits of one turn, besides the number of its model calls. Sizes are in characters, times in seconds."""

    result: int = 16_000
    """Of the result of one tool; a longer one loses its middle."""
    shown: int | None = 200_000
    """Of all results of a turn that a prompt shows; of older ones a line stays. None for no limit."""
    seconds: float | None = None
    """Of model calls and tools together; once they are used up no further call is made."""


@dataclass(frozen=True, slots=True)
class Programs:
    """What programs that agents run may use."""

    model: str
    """A key of `models:`: the model that they may ask."""
    tokens: int
    """Of one program, prompts and replies together."""
    settings: Settings = field(default_factory=Settings)
    """Sampling settings where a program gives none."""


@dataclass(frozen=True, slots=True)
class Organization:
    """Agents in roster order, their protocol, and its limits."""

    agents: tuple[Agent, ...]
    protocol: Routing
    rounds: int
    closing: Closing | None = None
    calls: int = 8
    """Most model calls in one turn; only tools make it more than one."""
    turn: TurnLimits = TurnLimits()
    programs: Programs | None = None
    """None where programs may ask no model."""
    roster: Mapping[str, Agent] = field(init=False, repr=False, compare=False)
    manuals: Mapping[str, str] = field(init=False, repr=False, compare=False)
    """By agent: the protocol's manual, which may depend on its tools."""
    systems: Mapping[str, str] = field(init=False, repr=False, compare=False)
    """By agent: its system prompt with the manual and, where it has one, the guide to its tools."""
    kinds: Mapping[str, MessageKind] = field(init=False, repr=False, compare=False)
    tags: tuple[str, ...] = field(init=False, repr=False, compare=False)
    """All that its protocol reads or shows."""
    hooks: Hooks = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        hooks = hooks_of(self.protocol)
        manuals = {agent.name: _manual(self.protocol, hooks, agent) for agent in self.agents}
        parts = {agent.name: (agent.system, manuals[agent.name], agent.guide) for agent in self.agents}
        tool_tags = tagged.TAGS if any(agent.guide for agent in self.agents) else ()
        object.__setattr__(self, "roster", {agent.name: agent for agent in self.agents})
        object.__setattr__(self, "manuals", manuals)
        object.__setattr__(self, "systems", {name: "\n\n".join(filter(None, texts)) for name, texts in parts.items()})
        object.__setattr__(self, "kinds", kinds_of(self.protocol))
        object.__setattr__(self, "tags", tuple(dict.fromkeys((*tags_of(self.protocol), *tool_tags))))
        object.__setattr__(self, "hooks", hooks)

    def alias_of(self, actor: str) -> str | None:
        """The key of `models:` that this actor's calls ask: an agent's own, or that of the programs which it runs."""
        if actor.startswith(PRODUCT):
            return self.programs.model if self.programs is not None else None
        return self.roster[actor].model if actor in self.roster else None

    def files(self, log: Sequence[Message]) -> Mapping[str, str]:
        """The workspace by path, as the messages made it; empty where the protocol has none."""
        return self.hooks.workspace(log) if self.hooks.workspace is not None else {}

    def files_of_turn(self, log: Sequence[Message]) -> Mapping[str, str]:
        """The workspace that a turn begins with."""
        return self.hooks.begins(log) if self.hooks.begins is not None else self.files(log)


def _manual(protocol: Routing, hooks: Hooks, agent: Agent) -> str:
    names = frozenset(tool.name for tool in agent.offered)
    return hooks.manual_with(agent.name, names) if hooks.manual_with and names else protocol.manual(agent.name)
