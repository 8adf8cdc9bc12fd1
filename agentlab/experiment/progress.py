"""What a command on a run has done so far."""

from dataclasses import dataclass, field
from signal import Signals

from agentlab.models import Cost, Waits, cost_of_call
from agentlab.scenario.fields import LimitFields
from agentlab.text import pluralize
from agentlab.types import Call


@dataclass(slots=True)
class Progress:
    """Whoever shows it reads it at will."""

    phase: str = ""
    """What the command is doing, such as `sample and judge`."""
    planned: int = 0
    done: int = 0
    """Rollouts with all their verdicts, those of earlier commands included."""
    before: int = 0
    """Of these, rollouts that were done when the command began."""
    running: int = 0
    failed: int = 0
    """Rollouts ended by infrastructure, or with a verdict whose judge failed."""
    earlier: Cost = field(default_factory=Cost)
    """Of the run's calls that were there when the command began."""
    made: Cost = field(default_factory=Cost)
    """Of the calls that this command made."""
    waits: Waits = field(default_factory=Waits)
    """Calls that failed for a passing reason, and wait to be tried again."""
    stopping: bool = False
    """Set it to end the run softly: what is in flight is finished and kept."""
    signal: Signals | None = None
    """What stopped it, if a signal did."""
    limited: bool = False
    """The run limit stopped the run."""
    unheld: str | None = None
    """Why the run limit cannot be held: replies came without token counts."""

    def add(self, call: Call) -> None:
        """Counts one call."""
        self.made += cost_of_call(call)

    def add_tools(self, call: Call) -> None:
        """Counts the time of the tools that a call asked for."""
        self.made += Cost(seconds=sum(result.seconds for result in call.tool_results))

    @property
    def cost(self) -> Cost:
        """Of the whole run so far."""
        return self.earlier + self.made

    def over(self, limit: LimitFields) -> bool:
        """Whether the run's limit is reached or cannot be held, which is noted."""
        cost = self.cost
        unknown = [("tokens", limit.tokens, cost.uncounted), ("cost", limit.cost, cost.unpriced)]
        if blind := [name for name, most, calls in unknown if most is not None and calls]:
            replies = pluralize(cost.uncounted or cost.unpriced, "reply", "replies")
            self.unheld = (
                f"limits.run.{blind[0]} cannot be held: {replies} came without token counts; limit minutes instead, or "
                "have the server send `usage`"
            )
            return True
        over = (
            (limit.cost is not None and cost.priced >= limit.cost)
            or (limit.tokens is not None and cost.tokens >= limit.tokens)
            or (limit.minutes is not None and cost.seconds >= limit.minutes * 60)
        )
        self.limited = self.limited or over
        return over
