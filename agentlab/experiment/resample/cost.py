"""What forks will take before they are drawn, by what their parents took after the cut."""

from collections.abc import Mapping
from dataclasses import dataclass

from agentlab.engine.cut import Cut
from agentlab.engine.intervention import Change
from agentlab.experiment.resample.parents import Parent
from agentlab.models import Cost, ModelSpec, estimated
from agentlab.scenario import Design


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
    """Knows the models of a run; `swapped` are those that stand in for an agent's own, by condition."""

    design: Design
    swapped: Mapping[str, ModelSpec]

    def drawn(self, parent: Parent, cut: Cut, change: Change | None) -> Cost:
        """One fork's agents: the parent's calls after the cut, at the prices of today."""
        anew = [call for call in parent.calls if not cut.keeps(call.round, call.actor)]
        other = change.agent.name if change is not None and change.agent is not None else None
        specs = {
            agent.name: self.swapped[parent.condition.name]
            if agent.name == other
            else parent.condition.models[agent.model]
            for agent in parent.rollout_spec.organization.agents
        }
        return sum((estimated(specs[call.actor], call.usage) for call in anew), Cost())

    def judged(self, parent: Parent) -> Cost:
        """One fork's judges: what they took for the parent; unknown when one was never asked about it."""
        asking = {name: judge for name, judge in self.design.judges.items() if judge.model is not None}
        specs = {name: self.design.models[judge.model or ""] for name, judge in asking.items()}
        known = sum((estimated(specs[c.judge], c.usage) for c in parent.judging if c.judge in specs), Cost())
        asked = {call.judge for call in parent.judging}
        return known if specs.keys() <= asked else known + Cost(unpriced=1)
