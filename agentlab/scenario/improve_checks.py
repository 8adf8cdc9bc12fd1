"""What the parts of a section `improve` say of each other, of the tasks, and of the organization."""

import math
from collections.abc import Mapping, Sequence

import msgspec

from agentlab.errors import TrainingError
from agentlab.models.registry import capabilities_of
from agentlab.models.spec import ModelSpec
from agentlab.organization.agents import Organization
from agentlab.scenario import checks
from agentlab.scenario.document import Keys
from agentlab.scenario.fields import ConditionFields, ExperimentFields
from agentlab.scenario.improve_fields import ImproveFields
from agentlab.scenario.judges import JudgeSet
from agentlab.scenario.overlap import plain
from agentlab.scenario.placeholders import fill
from agentlab.scenario.settings_fields import merged
from agentlab.scenario.validate import CheckedDocument
from agentlab.suggestion import suggest
from agentlab.text import pluralize
from agentlab.training.trainer import TrainerKind
from agentlab.training.trainers import shapes
from agentlab.training.trainers.row import TrainingRow
from agentlab.types import Task

SECTION: Keys = ("improve",)


def agents(site: CheckedDocument, fields: ImproveFields, organization: Organization) -> None:
    """Whoever is named learns."""
    learning = [agent.name for agent in organization.agents if agent.model == fields.policy]
    of = fields.keep.turns.of
    for i, name in enumerate(() if isinstance(of, str) else of):
        if name not in learning:
            wrong = f"{name!r} is not an agent that uses the model {fields.policy!r}"
            site.wrong((*SECTION, "keep", "turns", "of", i), wrong, suggest(name, learning))


def unused_thresholds(site: CheckedDocument, fields: ImproveFields) -> str:
    """That a list has more thresholds than there are trainings: no mistake, since a run may get more generations."""
    name, trainings = "at_least" if fields.keep.at_most is None else "at_most", fields.generations
    count = len(fields.keep.thresholds)
    if count <= trainings:
        return ""
    place = site.tree.place((*SECTION, "keep", name, trainings))
    return (
        f"{place}: improve.keep.{name} has {count} thresholds, but generations: {trainings} trains "
        f"{pluralize(trainings, 'time')}, so those from here on are not used; write `generations: {count}`, or remove "
        f"them"
    )


def splits(site: CheckedDocument, fields: ImproveFields, cell: ConditionFields, spec: ModelSpec) -> None:
    """Every task belongs to one split, every split has tasks, and no prompt is both learned and tested."""
    roles = {split.role for split in fields.splits.values()}
    for role in ("learn", "hold_out"):
        if role not in roles:
            site.wrong((*SECTION, "splits"), f"no split has the role {role}", f"give one split `role: {role}`")
    for id, task in cell.tasks.items():
        if task.split not in fields.splits:
            known = suggest(task.split, fields.splits)
            wrong = (
                "the task has no split" if task.split is None else f"the split {task.split!r} is not in improve.splits"
            )
            site.wrong(("tasks", id, "split"), wrong, f"name a split of improve.splits; {known}")
    used = {task.split for task in cell.tasks.values()}
    for name, split in fields.splits.items():
        if name not in used:
            site.unknown(
                (*SECTION, "splits", name), f"no task has the split {name!r}", f"write `split: {name}` in tasks"
            )
        settings = merged(spec.settings(), split.settings)
        checks.settings(site, spec, fields.policy, settings, (*SECTION, "splits", name))


def leaks(
    site: CheckedDocument, fields: ImproveFields, tasks: Mapping[str, Task], first: Sequence[TrainingRow]
) -> None:
    """No prompt that is learned from is also in a split that is not."""
    learned: dict[str, str] = {}
    learning = {name for name, split in fields.splits.items() if split.role == "learn"}
    for task in tasks.values():
        if task.split in learning:
            learned.setdefault(plain(task.prompt), task.id)
    rows = {plain(entry["content"]) for row in first for entry in row.messages[:-1]}
    for task in tasks.values():
        prompt = plain(task.prompt)
        if task.split not in learning and prompt in learned:
            wrong = f"the prompt is the same as that of task {learned[prompt]!r}, which is learned from"
            site.wrong(("tasks", task.id, "prompt"), wrong, "keep the prompt in only one of the two splits")
        if task.split not in learning and prompt in rows:
            wrong = f"a row has the prompt of task {task.id!r}, which is not learned from"
            site.wrong((*SECTION, "first", "rows"), wrong, "remove the row, or the task")


def negatives(site: CheckedDocument, fields: ImproveFields, trainer: TrainerKind | None) -> None:
    if trainer is None:
        return
    kind = fields.by.get("kind")
    if trainer.pairs and fields.negatives is None:
        site.wrong(
            SECTION, f"{kind!r} learns from preferences, and 'negatives' is missing", "add `negatives: {most: 1}`"
        )
    if fields.negatives is None:
        return
    if not trainer.pairs:
        site.wrong(
            (*SECTION, "negatives"), f"{kind!r} does not learn from preferences", "remove it, or use another kind"
        )
    wrong = "above" if fields.keep.at_most is None else "below"
    if getattr(fields.negatives, wrong) is not None:
        right = (
            "write below, because keep has at_least" if wrong == "above" else "write above, because keep has at_most"
        )
        site.wrong((*SECTION, "negatives", wrong), f"{wrong!r} does not fit the threshold of keep", right)


def hints(
    site: CheckedDocument, fields: ImproveFields, cell: ConditionFields, organization: Organization
) -> Mapping[str, str]:
    """The hint of each task that is learned from."""
    if fields.hint is None:
        return {}
    if hasattr(organization.protocol, "wanted"):
        wrong = "a program has no prompt to which a hint could be added"
        site.wrong((*SECTION, "hint"), wrong, "remove it, or give the program a step that shows the hint")
    learned = {name for name, split in fields.splits.items() if split.role == "learn"}
    tasks = {id: task for id, task in cell.tasks.items() if task.split in learned}
    path: Keys = (*SECTION, "hint", "text")
    if without := [id for id, task in tasks.items() if task.target is None and "{{target}}" in fields.hint.text]:
        site.wrong(path, f"the hint shows the target, and task {without[0]!r} has none", "give every task a target")
        return {}
    return {
        id: fill(site, fields.hint.text, path, {**task.fields, "target": task.target or ""})
        for id, task in tasks.items()
    }


def first_rows(
    site: CheckedDocument, fields: ImproveFields, trainer: TrainerKind | None, organization: Organization
) -> tuple[TrainingRow, ...]:
    """Rows from elsewhere. One agent that learns alone is the one that learns them."""
    if fields.first is None:
        return ()
    path: Keys = (*SECTION, "first", "rows")
    try:
        rows = shapes.read(site.folder / fields.first.rows)
    except TrainingError as error:
        site.wrong(path, str(error), "name a file or folder of rows, relative to the scenario")
        return ()
    if trainer is not None and trainer.pairs and any(row.rejected is None for row in rows):
        site.wrong(path, "a row has no rejected reply, and the trainer learns from preferences", "add `rejected`")
    learning = [agent.name for agent in organization.agents if agent.model == fields.policy]
    alone = learning[0] if len(learning) == 1 else ""
    return tuple(row if row.agent else msgspec.structs.replace(row, agent=alone) for row in rows)


def distance(site: CheckedDocument, fields: ImproveFields, spec: ModelSpec) -> None:
    """The split is there, and the model gives the probability of a reply."""
    if fields.kl is None:
        return
    if fields.kl not in fields.splits:
        site.wrong((*SECTION, "kl"), f"no split {fields.kl!r}", suggest(fields.kl, fields.splits))
    if "score" not in capabilities_of(spec).settings:
        wrong = f"{fields.policy!r} ({spec.name}) does not give the probability of a given reply"
        site.wrong((*SECTION, "kl"), wrong, "remove kl, or train a model that does: sim/replies, local/…, or vllm/…")


def measures(site: CheckedDocument, fields: ImproveFields, plan: ExperimentFields, judges: JudgeSet) -> None:
    """The measure that decides and those that are watched are there. A judge without a measure is one by its name."""
    known = [*plan.measures, *judges.plain({measure.judge for measure in plan.measures.values()})]
    named: list[tuple[Keys, str]] = [((*SECTION, "keep", "measure"), fields.keep.measure)]
    named += [((*SECTION, "watch", i), name) for i, name in enumerate(fields.watch or ())]
    for path, name in named:
        if name not in known:
            site.wrong(path, f"no measure {name!r}", suggest(name, known))
    measure, by = plan.measures.get(fields.keep.measure), judges.scales.get(fields.keep.measure, {})
    low, high = sorted(measure.range) if measure is not None else next(iter(by.values()), (-math.inf, math.inf))
    side = "at_least" if fields.keep.at_most is None else "at_most"
    if any(value > high if side == "at_least" else value < low for value in fields.keep.thresholds):
        wrong = f"no rollout can be kept: {fields.keep.measure!r} goes from {low:g} to {high:g}"
        site.wrong((*SECTION, "keep", side), wrong, "write a value between these two")
    _monitors(site, fields, plan, judges)
    if fields.watch is not None and fields.watch[0] == fields.watch[1]:
        site.wrong((*SECTION, "watch", 1), f"{fields.watch[1]!r} is listed twice", "name another measure")


def _monitors(site: CheckedDocument, fields: ImproveFields, plan: ExperimentFields, judges: JudgeSet) -> None:
    """A judge that scores some splits only is there, and so are its splits; what decides is scored where it decides."""
    measure = plan.measures.get(fields.keep.measure)
    deciding = fields.keep.measure if measure is None else measure.judge
    learning = [name for name, split in fields.splits.items() if split.role == "learn"]
    for judge, splits in fields.judged.items():
        path: Keys = (*SECTION, "judged", judge)
        if judge not in judges.judges:
            site.unknown(path, f"no judge {judge!r}", suggest(judge, judges.judges))
        for i, split in enumerate(splits):
            if split not in fields.splits:
                site.wrong((*path, i), f"no split {split!r}", suggest(split, fields.splits))
        if judge == deciding and (missing := [name for name in learning if name not in splits]):
            wrong = f"{judge!r} decides what is kept, and would not score the split {missing[0]!r}"
            site.wrong(path, wrong, f"add {missing[0]!r}")
