"""One condition on its way through the generations: what it is made of, and what its model serves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agentlab.scenario.condition import Condition
from agentlab.scenario.generations import later, trained
from agentlab.scenario.improve import Improve
from agentlab.scenario.levels import named
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

    def next(self, recipe: str, made: Trained) -> "Arm":
        """The next generation, served as its training says."""
        generation = self.generation + 1
        condition = trained(self.origin, generation, recipe, made.serve, made.systems)
        return Arm(self.origin, condition, generation, recipe, made.serve)
