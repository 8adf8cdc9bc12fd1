"""What forks will take before they are drawn, by what their parents took after the cut."""

from collections.abc import Mapping
from dataclasses import dataclass

from agentlab.engine.cut import Cut
from agentlab.engine.intervention import Change, Redraw
from agentlab.engine.spec import fork
from agentlab.experiment.resample.parents import CallUsage, Parent
from agentlab.models.cost import Cost
from agentlab.models.prices import estimated
from agentlab.models.spec import ModelSpec
from agentlab.scenario.design import Design


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
        anew = [call for call in parent.calls if not cut.keeps(call.round, call.actor)]
        if change is not None and change.redraw is not None:
            anew = [call for call in anew for _ in range(_times(call, cut, change.redraw))]
        spec, models = fork(parent.rollout_spec, cut, 1, change), self.models[parent.condition.name]
        roster = spec.organization.roster
        specs = (models[spec.agent(roster[call.actor], call.round).model] for call in anew)
        return sum((estimated(model, call.usage) for model, call in zip(specs, anew, strict=True)), Cost())

    def judged(self, parent: Parent) -> Cost:
        """One fork's judges: what they took for the parent; unknown when one was never asked about it."""
        asking = {name: judge for name, judge in self.design.judges.items() if judge.model is not None}
        specs = {name: self.design.models[judge.model or ""] for name, judge in asking.items()}
        known = sum((estimated(specs[c.judge], c.usage) for c in parent.judging if c.judge in specs), Cost())
        asked = {call.judge for call in parent.judging}
        return known if specs.keys() <= asked else known + Cost(unpriced=1)


def _times(call: CallUsage, cut: Cut, redraw: Redraw) -> int:
    """How often a turn is drawn at most."""
    return redraw.tries if redraw.resilient or (call.round, call.actor) == (cut.round, *cut.agents) else 1
