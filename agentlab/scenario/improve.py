"""The section `improve` of one condition, checked: its splits, what it keeps, and its trainer."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from agentlab.models.registry import capabilities_of
from agentlab.models.spec import ModelSpec
from agentlab.organization.agents import Organization
from agentlab.own_code import is_own
from agentlab.scenario import checks, plugins
from agentlab.scenario.document import Keys, suggest
from agentlab.scenario.fields import ConditionFields, ExperimentFields
from agentlab.scenario.improve_fields import ImproveFields, SplitFields
from agentlab.scenario.judges import JudgeSet
from agentlab.scenario.placeholders import fill
from agentlab.scenario.settings_fields import merged
from agentlab.scenario.validate import CheckedDocument, mapping
from agentlab.seeds import digest
from agentlab.training.trainer import Trainer, TrainerKind
from agentlab.training.trainers import TRAINERS
from agentlab.types import Task

SECTION: Keys = ("improve",)
GROWING = frozenset(("generations", "replicates", "watch", "kl"))
"""Fields that decide no rollout that is there: a run goes on when they change."""


@dataclass(frozen=True, slots=True)
class Improve:
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
    lacking: str = ""
    """What this machine lacks to train; empty where nothing is missing. `agentlab run` does not need it."""

    @property
    def identity(self) -> str:
        """Of all that decides what is kept and learned."""
        told = self.fields.model_dump(mode="json", exclude={*GROWING, "splits", "by"})
        if not self.fields.keep.memory:  # earlier versions did not have it
            del told["keep"]["memory"]
        return digest({name: value for name, value in told.items() if name != "hint" or value}, self.deciding)

    @property
    def own(self) -> bool:
        """Whether its trainer is one's own."""
        return is_own(self.fields.by.get("kind"))

    def split(self, task: Task) -> SplitFields:
        """The part of the tasks that the task belongs to."""
        return self.fields.splits[str(task.split)]

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
    told = cell.improve
    if told is None:
        return None
    if told.policy not in specs:
        wrong = f"no agent in the cast uses the model {told.policy!r}"
        site.wrong((*SECTION, "policy"), wrong, suggest(told.policy, specs))
        return None
    before = len(site.findings.mistakes)
    if cell.inference is not None:
        site.wrong(("inference",), "a model cannot learn from several particles", "remove inference or improve")
    trainer, settings = _trainer(site, told, specs[told.policy])
    _agents(site, told, organization)
    _splits(site, told, cell, specs[told.policy])
    _negatives(site, told, trainer)
    _distance(site, told, specs[told.policy])
    hints = _hints(site, told, cell, organization)
    if trainer is None or len(site.findings.mistakes) > before:
        return None
    deciding = {name: value for name, value in settings.items() if name not in trainer.operational}
    return Improve(told, trainer.train, settings, deciding, trainer.pairs, hints, trainer.lacking(settings))


def _trainer(
    site: CheckedDocument, told: ImproveFields, spec: ModelSpec
) -> tuple[TrainerKind | None, Mapping[str, Any]]:
    path: Keys = (*SECTION, "by")
    kind = told.by.get("kind")
    if is_own(kind):
        fields = {name: value for name, value in told.by.items() if name != "kind"}
        try:
            train: Trainer = plugins.make(str(kind), site.folder, fields)
        except ValueError as error:
            site.wrong((*path, "kind"), str(error), "fix the module, or name another trainer")
            return None, {}
        return TrainerKind(ImproveFields, train, pairs=bool(getattr(train, "pairs", False))), dict(told.by)
    if not isinstance(kind, str) or kind not in TRAINERS:
        wrong = f"no trainer {kind!r}" if "kind" in told.by else "'kind' is missing"
        site.wrong((*path, "kind"), wrong, suggest(kind, TRAINERS, own="a trainer"))
        return None, {}
    trainer = TRAINERS[kind]
    fields = site.validate(trainer.fields, path)
    if fields is None:
        return None, {}
    if wrong := trainer.misfit(spec.name):
        site.wrong((*path, "kind"), f"{kind!r} cannot train {spec.name}", wrong)
    return trainer, fields.model_dump(mode="json")


def _agents(site: CheckedDocument, told: ImproveFields, organization: Organization) -> None:
    """Whoever is named learns."""
    learning = [agent.name for agent in organization.agents if agent.model == told.policy]
    of = told.keep.turns.of
    for i, name in enumerate(() if isinstance(of, str) else of):
        if name not in learning:
            wrong = f"{name!r} is not an agent that uses the model {told.policy!r}"
            site.wrong((*SECTION, "keep", "turns", "of", i), wrong, suggest(name, learning))


def _splits(site: CheckedDocument, told: ImproveFields, cell: ConditionFields, spec: ModelSpec) -> None:
    """Every task belongs to one split, every split has tasks, and no prompt is both learned and tested."""
    roles = {split.role for split in told.splits.values()}
    for role in ("learn", "hold_out"):
        if role not in roles:
            site.wrong((*SECTION, "splits"), f"no split has the role {role}", f"give one split `role: {role}`")
    for id, task in cell.tasks.items():
        if task.split not in told.splits:
            known = suggest(task.split, told.splits)
            wrong = (
                "the task has no split" if task.split is None else f"the split {task.split!r} is not in improve.splits"
            )
            site.wrong(("tasks", id, "split"), wrong, f"name a split of improve.splits; {known}")
    used = {task.split for task in cell.tasks.values()}
    for name, split in told.splits.items():
        if name not in used:
            site.unknown(
                (*SECTION, "splits", name), f"no task has the split {name!r}", f"write `split: {name}` in tasks"
            )
        settings = merged(spec.settings(), split.settings)
        checks.settings(site, spec, told.policy, settings, (*SECTION, "splits", name))


def leaks(site: CheckedDocument, told: ImproveFields, tasks: Mapping[str, Task]) -> None:
    """No prompt that is learned from is also in a split that is not."""
    learned: dict[str, str] = {}
    learning = {name for name, split in told.splits.items() if split.role == "learn"}
    for task in tasks.values():
        if task.split in learning:
            learned.setdefault(_plain(task.prompt), task.id)
    for task in tasks.values():
        first = learned.get(_plain(task.prompt))
        if first is not None and task.split not in learning:
            wrong = f"the prompt is the same as that of task {first!r}, which is learned from"
            site.wrong(("tasks", task.id, "prompt"), wrong, "keep the prompt in only one of the two splits")


def _plain(prompt: str) -> str:
    return " ".join(prompt.casefold().split())


def _negatives(site: CheckedDocument, told: ImproveFields, trainer: TrainerKind | None) -> None:
    if trainer is None:
        return
    kind = told.by.get("kind")
    if trainer.pairs and told.negatives is None:
        site.wrong(
            SECTION, f"{kind!r} learns from preferences, and 'negatives' is missing", "add `negatives: {most: 1}`"
        )
    if told.negatives is None:
        return
    if not trainer.pairs:
        site.wrong(
            (*SECTION, "negatives"), f"{kind!r} does not learn from preferences", "remove it, or use another kind"
        )
    wrong = "above" if told.keep.at_most is None else "below"
    if getattr(told.negatives, wrong) is not None:
        right = (
            "write below, because keep has at_least" if wrong == "above" else "write above, because keep has at_most"
        )
        site.wrong((*SECTION, "negatives", wrong), f"{wrong!r} does not fit the threshold of keep", right)


def _hints(
    site: CheckedDocument, told: ImproveFields, cell: ConditionFields, organization: Organization
) -> Mapping[str, str]:
    """The hint of each task that is learned from."""
    if told.hint is None:
        return {}
    if hasattr(organization.protocol, "wanted"):
        wrong = "a program has no prompt to which a hint could be added"
        site.wrong((*SECTION, "hint"), wrong, "remove it, or give the program a step that shows the hint")
    learned = {name for name, split in told.splits.items() if split.role == "learn"}
    tasks = {id: task for id, task in cell.tasks.items() if task.split in learned}
    path: Keys = (*SECTION, "hint", "text")
    if without := [id for id, task in tasks.items() if task.target is None and "{{target}}" in told.hint.text]:
        site.wrong(path, f"the hint shows the target, and task {without[0]!r} has none", "give every task a target")
        return {}
    return {
        id: fill(site, told.hint.text, path, {**task.fields, "target": task.target or ""}) for id, task in tasks.items()
    }


def _distance(site: CheckedDocument, told: ImproveFields, spec: ModelSpec) -> None:
    """The split is there, and the model gives the probability of a reply."""
    if told.kl is None:
        return
    if told.kl not in told.splits:
        site.wrong((*SECTION, "kl"), f"no split {told.kl!r}", suggest(told.kl, told.splits))
    if "score" not in capabilities_of(spec).settings:
        wrong = f"{told.policy!r} ({spec.name}) does not give the probability of a given reply"
        site.wrong((*SECTION, "kl"), wrong, "remove kl, or train a model that does: sim/replies, local/…, or vllm/…")


def measures(site: CheckedDocument, told: ImproveFields, plan: ExperimentFields, judges: JudgeSet) -> None:
    """The measure that decides and those that are watched are there. A judge without a measure is one by its name."""
    known = [*plan.measures, *judges.plain({measure.judge for measure in plan.measures.values()})]
    named: list[tuple[Keys, str]] = [((*SECTION, "keep", "measure"), told.keep.measure)]
    named += [((*SECTION, "watch", i), name) for i, name in enumerate(told.watch or ())]
    for path, name in named:
        if name not in known:
            site.wrong(path, f"no measure {name!r}", suggest(name, known))
    measure, by = plan.measures.get(told.keep.measure), judges.scales.get(told.keep.measure, {})
    low, high = sorted(measure.range) if measure is not None else next(iter(by.values()), (-math.inf, math.inf))
    side = "at_least" if told.keep.at_most is None else "at_most"
    if any(value > high if side == "at_least" else value < low for value in told.keep.thresholds):
        wrong = f"no rollout can be kept: {told.keep.measure!r} goes from {low:g} to {high:g}"
        site.wrong((*SECTION, "keep", side), wrong, "write a value between these two")
    if told.watch is not None and told.watch[0] == told.watch[1]:
        site.wrong((*SECTION, "watch", 1), f"{told.watch[1]!r} is there twice", "name another measure")


def same_splits(site: CheckedDocument, arms: Sequence[Mapping[str, Task]]) -> None:
    """A task is learned from in every condition or in none: conclusions rest on the tasks that none has seen."""
    for id, task in arms[0].items():
        if any(other[id].split != task.split for other in arms[1:] if id in other):
            right = "let all conditions have the same"
            site.wrong(("tasks", id, "split"), f"a level changes the split of task {id!r}", right)


def agree(site: CheckedDocument, loops: Mapping[str, Improve | None]) -> Improve | None:
    """Either no condition learns, or all do, in one number of generations and with the same splits."""
    found = [loop for loop in loops.values() if loop is not None]
    if not found:
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
                path = ("factors", factor, level, "baseline")
                site.unknown(path, "a baseline cannot be trained", "remove it, or remove improve")
    for name, loop in loops.items():
        if loop is None:
            wrong = f"{name} has no improve, but other conditions do"
            site.wrong(SECTION, wrong, "write improve for every condition, or for none")
    return found[0]
