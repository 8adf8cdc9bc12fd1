"""One particle of a population: a rollout in the making with its log-weight."""

import math
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from agentlab.engine.client import Client
from agentlab.engine.rules import awake
from agentlab.engine.spec import RolloutSpec
from agentlab.engine.state import State
from agentlab.engine.tools import NO_TOOLS, Tools
from agentlab.types import WEIGHT, Call, Rollout


@dataclass(slots=True, eq=False)
class Particle:
    """Log-weights are in nats; minus infinity is a weight of zero."""

    spec: RolloutSpec
    state: State
    client: Client
    """Has the calls that the particle made before, which are not made again."""
    tools: Tools = field(default_factory=lambda: NO_TOOLS)
    opened: AsyncExitStack = field(default_factory=AsyncExitStack)
    """What its tools opened, until it has ended."""
    log_weight: float = 0.0
    """Since the population was last resampled."""
    total: float = 0.0
    """Of the whole log."""
    read: int = 0
    """Messages of the log whose weights are counted."""
    score: float = 0.0
    """The judge's last score of the log, from 0 to 1."""
    scored: int = 0
    """Messages that the judge was shown."""
    counted: dict[str, int] = field(default_factory=dict[str, int])
    """By actor, how many of its calls are counted for the limits of the rollout."""
    copies: int = 0
    """Forks that were made at the end of its last round."""
    rollout: Rollout | None = None
    """Once it has ended."""

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.rollout is not None

    @property
    def round(self) -> int:
        """The round of the last message."""
        return self.state.log[-1].round if self.state.log else 0

    def goes_on(self) -> bool:
        """Whether anybody acts in the next round. One that does not is ended at once, and not copied in vain."""
        state, organization = self.state, self.spec.organization
        if state.status is not None or state.round >= organization.rounds:
            return False
        return bool(awake(organization, state.log, state.round + 1, state.woken_by_bounce)[0])

    def add(self, log_weight: float) -> None:
        """Multiplies the weight."""
        self.log_weight += log_weight
        self.total += log_weight

    def weigh(self) -> bool:
        """Counts the weights that the protocol has posted since the last time; whether there were any."""
        posted = [float(m.content) for m in self.state.log[self.read :] if WEIGHT in m.to]
        self.read = len(self.state.log)
        self.add(sum(posted))
        if self.state.status == "rejected":
            self.log_weight = self.total = -math.inf
        return bool(posted)

    def uncounted(self) -> list[Call]:
        """Calls that were made for it since this was asked last."""
        calls = [call for actor, made in self.state.calls.items() for call in made[self.counted.get(actor, 0) :]]
        self.count()
        return calls

    def count(self) -> None:
        """All its calls so far are counted."""
        self.counted = {actor: len(made) for actor, made in self.state.calls.items()}
