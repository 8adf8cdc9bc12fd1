"""Plays a rollout that has a population: its method, its judge, and where its particles are kept."""

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from msgspec import structs

from agentlab.engine.client import Client
from agentlab.engine.intervention import Redraw
from agentlab.engine.spec import RolloutSpec
from agentlab.engine.state import State
from agentlab.experiment.inference.judging import ParticleJudge, looking
from agentlab.experiment.inference.keep import Keep
from agentlab.experiment.inference.methods import infer
from agentlab.experiment.inference.population import Population
from agentlab.experiment.inference.redraw import Redrawn
from agentlab.interfaces import Judge
from agentlab.models.spec import ModelSpec
from agentlab.scenario.condition import Condition
from agentlab.scenario.design import Design
from agentlab.scenario.inference_fields import judge_of
from agentlab.types import Rollout, Settings


@dataclass(frozen=True, slots=True)
class Property:
    """A judge that tells whether a message has a property."""

    judge: Judge
    scales: Mapping[str, tuple[float, float]]
    """Lowest and highest score of each counted criterion."""
    spec: ModelSpec | None = None
    """Of its model; None if it asks none."""


@dataclass(frozen=True, slots=True)
class Populations:
    """Plays populations of a design's conditions."""

    design: Design
    judges: Client
    """Has the models of the judges that look at particles."""
    settings: Mapping[str, Settings]
    """Of these models, by alias."""
    width: int
    """Particles of one rollout that may be played at the same time."""
    properties: Mapping[str, Property] = field(default_factory=dict[str, "Property"])
    """Judges of what messages must be where turns are drawn anew, by name."""

    async def play(
        self, spec: RolloutSpec, condition: Condition, client: Client, stopping: Callable[[], bool], keep: Keep
    ) -> Rollout:
        """The rollout that the condition's method makes; its status says why it could not be finished."""
        fields = condition.inference
        assert fields is not None
        unscored = list[str]()
        score = looking(fields, self._judge(condition, spec), unscored)
        async with AsyncExitStack() as stack:
            population = Population(spec, client, stack, keep, stopping, score, self.width)
            rollout = await infer(fields, population)
        about: dict[str, Any] = {"method": fields.kind, **rollout.about, "made": len(population.particles)}
        if unscored:
            about["unscored"] = len(unscored)
        return structs.replace(rollout, about=about)

    async def redraw(
        self,
        spec: RolloutSpec,
        client: Client,
        stopping: Callable[[], bool],
        keep: Keep,
        start: State,
        wish: Redraw,
    ) -> Rollout:
        """A fork whose turns are drawn anew until their messages are as wished. `start` is its state at the cut."""
        judge = self.properties[wish.judge]
        async with AsyncExitStack() as stack:
            population = Population(spec, client, stack, keep, stopping, None, self.width)
            task = self.design.tasks[spec.task.id]
            asked = ParticleJudge(judge.judge, judge.scales, self.judges, self.settings, task)
            return await Redrawn(population, wish, asked).play(start)

    def _judge(self, condition: Condition, spec: RolloutSpec) -> ParticleJudge | None:
        """The judge that looks at the particles of a condition."""
        named = None if condition.inference is None else judge_of(condition.inference)
        if named is None:
            return None
        _, name = named
        scales = {criterion: self.design.scales[name][criterion] for criterion in self.design.counted[name]}
        task = self.design.tasks[spec.task.id]
        return ParticleJudge(self.design.selectors[name], scales, self.judges, self.settings, task)
