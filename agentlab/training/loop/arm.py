"""One condition on its way through the generations: what it is made of, and what its model serves."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from agentlab.models import ModelSpec
from agentlab.organization.agents import Organization
from agentlab.scenario import Condition
from agentlab.scenario.condition import named
from agentlab.scenario.generations import later
from agentlab.scenario.improve import Improve
from agentlab.scenario.placeholders import paragraphs
from agentlab.seeds import digest, provider_seed, stream
from agentlab.training.loop.rows import GenerationRows
from agentlab.training.trainer import Trained
from agentlab.training.trainers.row import TrainingRow


@dataclass(frozen=True, slots=True)
class Arm:
    """A condition in one of its generations."""

    origin: Condition
    """Generation 0."""
    condition: Condition
    generation: int = 0
    recipe: str = ""
    """Of its weights; empty for the base."""
    start: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What replaces fields of the learning model's entry in `models:`."""
    memory: tuple[TrainingRow, ...] = ()
    """What trained it, if a task of which nothing is kept is learned from as before."""

    @property
    def loop(self) -> Improve:
        """How it learns."""
        assert self.origin.loop is not None
        return self.origin.loop

    @property
    def next_name(self) -> str:
        """The name of the condition in the next generation."""
        return named(later(self.origin, self.generation + 1))

    def seed(self, run_seed: int) -> int:
        """Of the training of the next generation."""
        return provider_seed(stream(run_seed, "train", self.generation + 1, self.origin.coupling))

    def next_recipe(self, rows: GenerationRows, run_seed: int) -> str:
        """All that the next weights depend on, as 16 hex digits. It is known before the training."""
        before = self.recipe if self.loop.fields.restart_from == "previous" else ""
        parts = (
            self.origin.identity,
            self.generation + 1,
            rows.digest,
            self.loop.deciding,
            self.seed(run_seed),
            before,
        )
        return digest(*parts)[:16]

    def next(self, recipe: str, trained: Trained) -> "Arm":
        """The next generation, served as its training says."""
        origin, generation = self.origin, self.generation + 1
        policy = self.loop.fields.policy
        levels = later(origin, generation)
        condition = replace(
            origin,
            name=named(levels),
            levels=levels,
            identity=digest(origin.identity, recipe),
            models={**origin.models, policy: served(origin.models[policy], trained.serve)},
            organization=_told(origin.organization, trained.systems),
        )
        return Arm(origin, condition, generation, recipe, trained.serve)


def served(spec: ModelSpec, serve: Mapping[str, Any]) -> ModelSpec:
    """The model's entry with the fields that a training replaces; options are replaced one by one."""
    told = spec.model_dump(exclude_unset=True)
    options = {**told.get("options", {}), **serve.get("options", {})}
    return ModelSpec.model_validate({**told, **serve, **({"options": options} if options else {})})


def _told(organization: Organization, systems: Mapping[str, str]) -> Organization:
    """With texts added to the system prompts of agents."""
    if not systems:
        return organization
    agents = [replace(one, system=paragraphs(one.system, systems.get(one.name, ""))) for one in organization.agents]
    return replace(organization, agents=tuple(agents))
