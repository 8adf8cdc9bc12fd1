"""Plays a rollout that has a population: its method, its judge, and where its particles are kept."""

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any

from agentlab.engine.client import Client
from agentlab.engine.spec import RolloutSpec
from agentlab.experiment.inference.judging import ParticleJudge, looking
from agentlab.experiment.inference.keep import Keep
from agentlab.experiment.inference.methods import infer
from agentlab.experiment.inference.population import Population
from agentlab.scenario import Condition, Design
from agentlab.scenario.inference_fields import judge_of
from agentlab.types import Rollout, Settings


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
        return replace(rollout, about=about)

    def _judge(self, condition: Condition, spec: RolloutSpec) -> ParticleJudge | None:
        """The judge that looks at the particles of a condition."""
        named = None if condition.inference is None else judge_of(condition.inference)
        if named is None:
            return None
        _, name = named
        scales = {criterion: self.design.scales[name][criterion] for criterion in self.design.counted[name]}
        task = self.design.tasks[spec.task.id]
        return ParticleJudge(self.design.selectors[name], scales, self.judges, self.settings, task)
