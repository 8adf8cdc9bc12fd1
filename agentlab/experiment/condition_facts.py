"""The facts of a condition by which it is compared with another."""

from dataclasses import dataclass, field
from typing import Any, Literal

from agentlab.organization.agents import Closing, TurnLimits


@dataclass(frozen=True, slots=True)
class AgentFacts:
    """One agent, as far as arms are compared."""

    system: str
    model: str
    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    memory: str | int = "all"
    tools: tuple[dict[str, Any], ...] = ()
    guide: str = ""
    served: str | None = None
    """Stands for the model's address and options, where it has any."""

    def value(self, name: str) -> str:
        """Of the model, the memory, the tools or a setting, as text."""
        if name == "tools":
            names = ", ".join(sorted(tool["name"] for tool in self.tools)) or "no tools"
            return f"{names} (called by tags)" if self.guide else names
        shown = {"model": self.model, "memory": self.memory}.get(name, self.settings.get(name))
        return "unset" if shown is None else str(shown)


@dataclass(frozen=True, slots=True)
class Addendum:
    text: str
    to: Literal["task", "all"] | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConditionFacts:
    """One condition, as far as arms are compared."""

    agents: dict[str, AgentFacts] = field(default_factory=dict[str, AgentFacts])
    exposures: dict[str, int] = field(default_factory=dict[str, int])
    addenda: dict[str, Addendum] = field(default_factory=dict[str, Addendum])
    tasks: dict[str, str] = field(default_factory=dict[str, str])
    briefed: tuple[str, ...] = ()
    contacts: dict[str, tuple[str, ...]] | None = None
    closing: Closing | None = None
    protocol: str = ""
    rules: dict[str, Any] = field(default_factory=dict[str, Any])
    """The fields of its protocol; empty where they were not recorded."""
    length: int | None = None
    """After how many rounds its protocol ends by itself, whatever the limit."""
    rounds: int = 0
    calls: int = 0
    turn: TurnLimits | None = None
    programs: Any = None
    steps: dict[str, str] = field(default_factory=dict[str, str])
    """Of a program: by its path, what each step does."""
    inference: Any = None
    baseline: Any = None
