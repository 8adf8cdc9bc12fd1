"""What a scenario comes to: every condition resolved and checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from agentlab.interfaces import Judge
from agentlab.judges import JudgeTraits
from agentlab.models.spec import ModelSpec
from agentlab.scenario.compare import Compare
from agentlab.scenario.compare_fields import LooksFields
from agentlab.scenario.condition import Condition
from agentlab.scenario.fields import LimitsFields, MeasureFields
from agentlab.scenario.improve import Improve
from agentlab.scenario.protocol import ordered_fields
from agentlab.scenario.repeated import clusters
from agentlab.types import Task


@dataclass(frozen=True, slots=True)
class Design:
    """A scenario, resolved: nothing in it depends on a file any more."""

    name: str
    about: str
    file: str
    tree: Mapping[str, Any]
    """The document with its files and judges written out; JSON-able."""
    tasks: Mapping[str, Task]
    """As every condition is asked them, before addenda and the closing question of one agent alone."""
    conditions: tuple[Condition, ...]
    factors: Mapping[str, tuple[str, ...]]
    draws: int
    seed: int | None
    coupling: Literal["seeds", "none"]
    models: Mapping[str, ModelSpec]
    """Of the document without patches: those of the judges."""
    judges: Mapping[str, Judge]
    """Those that score; not those that tell the tries of a baseline apart, or look at particles."""
    selectors: Mapping[str, Judge]
    of_two: Mapping[str, Judge]
    """Those of two outputs: they compare arms or sort outputs into groups, and are no measure."""
    scales: Mapping[str, Mapping[str, tuple[float, float]]]
    """Lowest and highest score of each judge's criteria."""
    counted: Mapping[str, tuple[str, ...]]
    """The criteria of each judge that `criteria: all` means."""
    traits: Mapping[str, JudgeTraits]
    """Of every judge by name, those that select included."""
    measures: Mapping[str, MeasureFields]
    compare: Compare
    looks: LooksFields | Literal["any"] | None
    cluster: str | None
    """The field of the tasks by which they are clustered."""
    limits: LimitsFields
    options: tuple[str, ...] = ()
    """What the command line put in place of what the scenario says, as it was typed."""

    @property
    def independent(self) -> int:
        """Tasks, or clusters of tasks, that share no source; repeated tasks count once."""
        cluster_of = clusters(list(self.tasks.values()), self.cluster)
        return len(set(cluster_of.values())) if cluster_of else len(self.tasks)

    @property
    def loop(self) -> Improve | None:
        """The self-training loop of its first condition: all have the same splits, generations and replicates."""
        return self.conditions[0].loop

    def draws_of(self, task: str) -> int:
        """How many times each condition does this task."""
        return self.draws if self.loop is None else self.loop.split(self.tasks[task]).draws

    def times_of(self, task: str) -> int:
        """How many generations of each condition do this task; 1 without a loop."""
        return 1 if self.loop is None else self.loop.times(self.tasks[task])

    @property
    def ordered(self) -> frozenset[str]:
        """Fields of the protocols in which the order of keys counts."""
        return frozenset[str]().union(
            *(ordered_fields(condition.organization.protocol) for condition in self.conditions)
        )
