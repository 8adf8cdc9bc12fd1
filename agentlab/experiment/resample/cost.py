"""What forks will take before they are drawn, by what their parents took after the cut."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from agentlab.engine.cut import Cut
from agentlab.engine.intervention import Change
from agentlab.engine.spec import fork
from agentlab.experiment.resample.parents import CallUsage, Parent
from agentlab.models import ModelSpec, cost_of
from agentlab.scenario import Design
from agentlab.types import Usage


@dataclass(frozen=True, slots=True)
class Cost:
    """Calls, tokens and US dollars; `cost` is None when a price is unknown."""

    calls: int = 0
    usage: Usage = field(default_factory=Usage)
    cost: float | None = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        cost = None if self.cost is None or other.cost is None else self.cost + other.cost
        return Cost(self.calls + other.calls, self.usage + other.usage, cost)

    @property
    def money(self) -> str:
        """US dollars, or that they are unknown."""
        cost = self.cost
        return "unknown" if cost is None else f"{cost:.4f} USD" if 0 < cost < 1 else f"{cost:.2f} USD"

    def times(self, n: int) -> "Cost":
        """So many of them."""
        u = self.usage
        counts = (u.input, u.output, u.reasoning, u.cache_read, u.cache_write)
        cost = None if self.cost is None else self.cost * n
        return Cost(self.calls * n, Usage(*(count * n for count in counts)), cost)


@dataclass(frozen=True, slots=True)
class Quote:
    """What is still to be drawn. A bisection takes that at most."""

    forks: int
    there: int
    """Forks that are drawn already."""
    agents: Cost
    judges: Cost
    at_most: bool = False

    @property
    def total(self) -> Cost:
        return self.agents + self.judges


@dataclass(frozen=True, slots=True)
class ForkPricing:
    """Knows the models of a run: by condition and alias, those that stand in for an agent's own among them."""

    design: Design
    models: Mapping[str, Mapping[str, ModelSpec]]

    def drawn(self, parent: Parent, cut: Cut, change: Change | None) -> Cost:
        """One fork's agents: the parent's calls after the cut, at the prices of today."""
        anew = [used for used in parent.calls if not cut.keeps(used.round, used.actor)]
        spec, models = fork(parent.rollout_spec, cut, 1, change), self.models[parent.condition.name]
        roster = spec.organization.roster
        return _sum((models[spec.agent(roster[used.actor], used.round).model], used) for used in anew)

    def judged(self, parent: Parent) -> Cost:
        """One fork's judges: what they took for the parent; unknown when one was never asked about it."""
        asking = {name: judge for name, judge in self.design.judges.items() if judge.model is not None}
        specs = {name: self.design.models[judge.model or ""] for name, judge in asking.items()}
        found = _sum((specs[used.judge], used) for used in parent.judging if used.judge in specs)
        every = specs.keys() <= {used.judge for used in parent.judging}
        return found if every else Cost(found.calls, found.usage, None)


def _sum(made: Iterable[tuple[ModelSpec, CallUsage]]) -> Cost:
    today, total = datetime.now(UTC).date(), Cost()
    for spec, used in made:
        total += Cost(1, used.usage, cost_of(spec, used.usage, today))
    return total
