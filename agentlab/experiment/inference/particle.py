"""One particle of a population: a rollout in the making with its log-weight."""

import math
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

    def own_calls(self) -> list[Call]:
        """Calls that were made for this particle and not for the one that it is a copy of."""
        branch = self.spec.branch
        first = 0 if branch is None else branch.cut.round + 1
        return [call for call in self.state.made() if call.round >= first]
