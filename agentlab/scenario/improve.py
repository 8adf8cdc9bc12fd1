"""The section `improve` of one condition, checked: its splits, what it keeps, and its trainer."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from msgspec import Struct, field

from agentlab.mapping import mapping
from agentlab.models.spec import ModelSpec
from agentlab.organization.agents import Organization
from agentlab.own_code import is_own
from agentlab.scenario import improve_checks, plugins
from agentlab.scenario.document import Keys
from agentlab.scenario.fields import ConditionFields
from agentlab.scenario.improve_checks import SECTION
from agentlab.scenario.improve_fields import ImproveFields, SplitFields
from agentlab.scenario.settings_fields import merged
from agentlab.scenario.validate import CheckedDocument
from agentlab.seeds import digest
from agentlab.suggestion import suggest
from agentlab.training.trainer import Trainer, TrainerKind
from agentlab.training.trainers import TRAINERS
from agentlab.training.trainers.row import TrainingRow
from agentlab.types import Task

GROWING = frozenset(("generations", "replicates", "watch", "kl", "first", "judged"))
"""Fields that decide no rollout of the base: a run goes on when they change. Of `first`, the recipe has the rows."""


class Improve(Struct, frozen=True):
    """A self-training loop, resolved."""

    fields: ImproveFields
    train: Trainer
    settings: Mapping[str, Any]
    """The trainer's own fields; JSON-able."""
    deciding: Mapping[str, Any]
    """Of these, the ones that change the weights."""
    pairs: bool
    """Whether its rows are preferences."""
    hints: Mapping[str, str] = field(default_factory=dict[str, str])
    """Of each task that is learned from, its hint; empty where none is given."""
    first: tuple[TrainingRow, ...] = ()
    """Rows from elsewhere, which the first generation is trained on; empty if it is trained on what was kept."""
    lacking: str = ""
    """What this machine lacks to train; empty where nothing is missing. `agentlab run` does not need it."""
    unused: str = ""
    """Which thresholds of its list no generation has, and where they stand; empty where each is used."""

    @property
    def identity(self) -> str:
        """Of all that decides what is kept and learned."""
        dumped = self.fields.model_dump(mode="json", exclude={*GROWING, "splits", "by"})
        if not self.fields.keep.memory:  # earlier versions did not have it
            del dumped["keep"]["memory"]
        return digest({name: value for name, value in dumped.items() if name != "hint" or value}, self.deciding)

    @property
    def own(self) -> bool:
        """Whether its trainer is one's own."""
        return is_own(self.fields.by.get("kind"))

    def split(self, task: Task) -> SplitFields:
        """The part of the tasks that the task belongs to."""
        return self.fields.splits[str(task.split)]

    def plays(self, task: Task, generation: int) -> bool:
        """Whether a generation plays the task. Nothing is learned from the last one, nor from the base if there are
        rows from elsewhere: they leave out tasks that are only there to be learned from."""
        taught = 1 if self.first else 0
        if taught <= generation < self.fields.generations or self.split(task).role != "learn":
            return True
        return generation > 0 and self.fields.kl == task.split

    def times(self, task: Task) -> int:
        """How many generations play the task."""
        return sum(self.plays(task, generation) for generation in range(self.fields.generations + 1))

    def judges(self, judge: str, task: Task) -> bool:
        """Whether this judge scores rollouts on the task."""
        return judge not in self.fields.judged or task.split in self.fields.judged[judge]

    def told(self, task: Task) -> Mapping[str, Any]:
        """The settings of the task's split that are set."""
        return self.split(task).settings.model_dump(exclude_none=True)

    def sampling(self, organization: Organization, task: Task) -> Organization:
        """The organization with the settings of the task's split for the agents that learn."""
        settings = self.split(task).settings
        if not self.told(task):
            return organization
        policy = self.fields.policy
        agents = [
            replace(agent, settings=merged(agent.settings, settings)) if agent.model == policy else agent
            for agent in organization.agents
        ]
        return replace(organization, agents=tuple(agents))


def resolve(
    site: CheckedDocument, cell: ConditionFields, organization: Organization, specs: Mapping[str, ModelSpec]
) -> Improve | None:
    """The loop of a condition; None where there is none, or where it is wrong, which the findings then say."""
    fields = cell.improve
    if fields is None:
        return None
    if fields.policy not in specs:
        wrong = f"no agent in the cast uses the model {fields.policy!r}"
        site.wrong((*SECTION, "policy"), wrong, suggest(fields.policy, specs))
        return None
    before = len(site.findings.mistakes)
    if cell.inference is not None:
        right = (
            "remove inference, and let `draws` and `keep` choose among whole rollouts; or remove improve, and give the "
            "model trained weights with options: {adapter: …}"
        )
        site.wrong(("inference",), "a model cannot learn from several particles", right)
    trainer, settings = _trainer(site, fields, specs[fields.policy])
    improve_checks.agents(site, fields, organization)
    improve_checks.splits(site, fields, cell, specs[fields.policy])
    improve_checks.negatives(site, fields, trainer)
    improve_checks.distance(site, fields, specs[fields.policy])
    hints = improve_checks.hints(site, fields, cell, organization)
    first = improve_checks.first_rows(site, fields, trainer, organization)
    if trainer is None or len(site.findings.mistakes) > before:
        return None
    deciding = {name: value for name, value in settings.items() if name not in trainer.operational}
    lacking, unused = trainer.lacking(settings), improve_checks.unused_thresholds(site, fields)
    return Improve(fields, trainer.train, settings, deciding, trainer.pairs, hints, first, lacking, unused)


def _trainer(
    site: CheckedDocument, fields: ImproveFields, spec: ModelSpec
) -> tuple[TrainerKind | None, Mapping[str, Any]]:
    path: Keys = (*SECTION, "by")
    kind = fields.by.get("kind")
    if is_own(kind):
        trainer_fields = {name: value for name, value in fields.by.items() if name != "kind"}
        try:
            train: Trainer = plugins.make(str(kind), site.folder, trainer_fields)
        except ValueError as error:
            site.wrong((*path, "kind"), str(error), "fix the module, or name another trainer")
            return None, {}
        return TrainerKind(ImproveFields, train, pairs=bool(getattr(train, "pairs", False))), dict(fields.by)
    if not isinstance(kind, str) or kind not in TRAINERS:
        wrong = f"no trainer {kind!r}" if "kind" in fields.by else "'kind' is missing"
        site.wrong((*path, "kind"), wrong, suggest(kind, TRAINERS, noun="a trainer"))
        return None, {}
    trainer = TRAINERS[kind]
    trainer_fields = site.validate(trainer.fields, path)
    if trainer_fields is None:
        return None, {}
    if wrong := trainer.misfit(spec.name):
        site.wrong((*path, "kind"), f"{kind!r} cannot train {spec.name}", wrong)
    if fields.restart_from == "previous" and not trainer.continues:
        wrong = f"{kind!r} starts each generation from the base"
        site.wrong((*SECTION, "restart_from"), wrong, "remove it, or use another kind of trainer in `by`")
    return trainer, trainer_fields.model_dump(mode="json")


def same_splits(site: CheckedDocument, arms: Sequence[Mapping[str, Task]]) -> None:
    """A task is learned from in every condition or in none: conclusions rest on the tasks that none has seen."""
    for id, task in arms[0].items():
        if any(other[id].split != task.split for other in arms[1:] if id in other):
            right = "let all conditions have the same"
            site.wrong(("tasks", id, "split"), f"a level changes the split of task {id!r}", right)


def agree(site: CheckedDocument, loops: Mapping[str, Improve | None]) -> Improve | None:
    """Either no condition learns, or all do, in one number of generations and with the same splits."""
    learning = [loop for loop in loops.values() if loop is not None]
    if not learning:
        return None
    if "draws" in site.tree.value:
        site.wrong(("draws",), "`draws` cannot be used with `improve`", "write draws for each split, in improve.splits")
    for factor, levels in mapping(site.get(()).get("factors")).items():
        for level, patch in mapping(levels).items():
            for name in ("generations", "replicates", "splits", "policy"):
                if name in mapping(mapping(patch).get("improve")):
                    path: Keys = ("factors", factor, level, "improve", name)
                    site.unknown(path, f"a level cannot change {name}", "write it once, the same for all conditions")
            if "baseline" in mapping(patch):
                right = (
                    "remove it here; to compare trained weights at equal compute, write a scenario without improve "
                    "whose model has options: {adapter: …}"
                )
                path = ("factors", factor, level, "baseline")
                site.unknown(path, "a baseline cannot be trained", right)
    for name, loop in loops.items():
        if loop is None:
            wrong = f"{name} has no improve, but other conditions do"
            site.wrong(SECTION, wrong, "write improve for every condition, or for none")
    return learning[0]
