"""Adds judges to a run that is there: new verdicts on its finished rollouts and forks, and none repeated."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from agentlab.engine.spec import fork_path, lineage
from agentlab.errors import MismatchError, Mistake, Place, ScenarioError
from agentlab.experiment.judging.couplings import couplings
from agentlab.experiment.judging.pairs import Comparisons
from agentlab.experiment.judging.rollouts import JudgingItem, past_of
from agentlab.experiment.measures import cases_of, plain_measures
from agentlab.experiment.phases import Phase, through, with_judging
from agentlab.experiment.progress import Progress
from agentlab.experiment.recorded_tasks import tasks_of
from agentlab.experiment.sandboxed import with_sandbox
from agentlab.experiment.work import CONCURRENCY, Work, opened, run_limit, working
from agentlab.interfaces import Judge
from agentlab.judges import recorded
from agentlab.judges.added_anchors import ADDED, added_anchors
from agentlab.judges.inputs import judge_input
from agentlab.judges.program import with_case_seeds
from agentlab.models.prices import price_mistake
from agentlab.models.spec import ModelSpec
from agentlab.organization.agents import Organization
from agentlab.pairing import draws_are_pairs
from agentlab.scenario.added_judges import added_judges
from agentlab.scenario.changed import differences
from agentlab.scenario.document import dotted
from agentlab.scenario.fields import LimitFields
from agentlab.scenario.findings import folded
from agentlab.scenario.judges import JudgeSet
from agentlab.scenario.levels import GENERATION, pooled
from agentlab.scenario.rebuild import rebuild
from agentlab.store import NO_DRAWS, read
from agentlab.types import Rollout

log = logging.getLogger(__name__)


async def rejudge(
    folder: Path, names: Sequence[str], judge_model: str | None, progress: Progress, concurrency: int = CONCURRENCY
) -> None:
    """Judges every finished rollout and fork of the run in `folder` with these judges, unless they have done so.

    Raises `StoreError` when there is no run, `ScenarioError` for a judge that is wrong or cannot score a task, and
    `MismatchError` when the run already has another judge, or another model behind it, under one of the names, and
    `SandboxError` when a judge runs programs and there is no sandbox.
    """
    with opened(folder, new=False) as store:
        meta = store.meta()
        section: dict[str, Any] = meta.get("tree", {}).get("models", {})
        factors = pooled(meta.get("factors", {}))
        if "improve" in meta.get("tree", {}):
            del factors[GENERATION]  # pairs are within a generation
        built, specs, documents = added_judges(names, section, judge_model, factors, recorded(meta))
        _fit(built, meta)
        added = await with_sandbox(_added(folder, meta, built, specs, documents), built.judges.values())
        tasks = with_case_seeds(tasks_of(meta), meta["seed"])
        organizations = _with_workspace(folder, meta)
        judging = {judge.model: specs[judge.model] for judge in built.every.values() if judge.model is not None}
        limit = run_limit(meta)
        _priced(judging, limit)
        async with working(store, meta, tasks, built.judges, judging, progress, concurrency, limit=limit) as work:
            store.set_meta(added)
            of_two = replace(work.judges, judges=built.of_two)
            comparisons = Comparisons(work, of_two, documents, meta.get("factors", {}), couplings(store))
            judge_rollouts = Phase("judge rollouts", partial(_judge_rollouts, work, organizations))
            await through(work, with_judging(comparisons, judge_rollouts))


def _priced(judging: Mapping[str, ModelSpec], limit: LimitFields | None) -> None:
    """Raises `ScenarioError` when the run's cost is limited and nobody knows what a judge's model costs."""
    if limit is None or limit.cost is None:
        return
    for spec in judging.values():
        if wrong := price_mistake(spec, "limits.run.cost"):
            right = "name another model with --judge-model, or give it a price under models: and run `agentlab run`"
            raise ScenarioError(f"{wrong}; {right}")


def _fit(built: JudgeSet, meta: Mapping[str, Any]) -> None:
    """Raises `ScenarioError` when a judge can score no output to a task, such as one without a target to compare.

    Of imported texts, whose targets are as they came, some tasks may have none: that is said, and the others judged.
    """
    tasks = tasks_of(meta).values()
    for judge, misfit in built.misfits.items():
        flaws = [(task.id, flaw) for task in tasks if (flaw := misfit(task))]
        place = Place(f"--with {judge}", 0, 0)
        mistakes = [
            Mistake(
                place, dotted(("tasks", id, *steps)), f"the judge finds {wrong}", f"add another judge, or write {right}"
            )
            for id, (steps, wrong, right) in flaws
        ]
        if mistakes and ("tree" in meta or len(mistakes) == len(tasks)):
            raise ScenarioError(folded(mistakes))
        for mistake in folded(mistakes):
            log.warning("%s; outputs on it get no score", mistake)


def _added(
    folder: Path, meta: dict[str, Any], built: JudgeSet, specs: Mapping[str, ModelSpec], documents: Mapping[str, Any]
) -> dict[str, Any]:
    """What the run has to record of these judges beside those it has."""
    better = [name for name, traits in built.traits.items() if traits.two == "better"]
    if better and not draws_are_pairs(meta):
        right = "import the file again into another folder with --draw, or with one text per task and condition"
        raise MismatchError(f"{folder}: judge {better[0]!r} compares pairs, but the import had no draw column; {right}")
    known = recorded(meta)
    models = {name: specs[j.model].name if j.model else None for name, j in built.every.items()}
    for name, document in documents.items():
        if name in known and (changed := differences({"judges": {name: known[name]}}, {"judges": {name: document}})):
            raise MismatchError(
                f"{folder}: the run already has a different judge named {name!r} ({changed[0][0]} differs); give this "
                "one another name. Only anchor texts may be added to a judge"
            )
        if name in meta.get("judges", {}) and meta["judges"][name] != models[name]:
            was, now = meta["judges"][name], models[name]
            raise MismatchError(f"{folder}: judge {name!r} asked {was} in this run, not {now}; rename the judge")
    measured = {m["judge"] for m in meta.get("measures", [])}
    new = [
        measure
        for name, judge in built.judges.items()
        if name not in measured
        for measure in plain_measures(name, built.scales[name], built.counted[name], cases_of(judge, built.traits))
    ]
    return {
        "added": meta.get("added", {}) | {n: d for n, d in documents.items() if known.get(n) != d},
        ADDED: added_anchors(meta, documents),
        "judges": meta.get("judges", {}) | models,
        "traits": meta.get("traits", {}) | {name: asdict(traits) for name, traits in built.traits.items()},
        "measures": [*meta.get("measures", []), *new],
        "sandboxes": meta.get("sandboxes", []),
    }


def _with_workspace(folder: Path, meta: Mapping[str, Any]) -> Mapping[str, Organization]:
    """By condition, if some protocol of the run has a workspace, which only its code can make of the messages.

    Raises `ScenarioError` when the module of such a protocol is gone.
    """
    with closing(read(folder)) as connection:
        rows = connection.execute("SELECT facts FROM conditions").fetchall()
    if not any(msgspec.json.decode(facts).get("workspace") for (facts,) in rows):
        return {}
    design = rebuild(meta["tree"], folder, Path(meta.get("file", "scenario.yaml")).parent)
    return {condition.name: condition.organization for condition in design.conditions}


async def _judge_rollouts(work: Work, organizations: Mapping[str, Organization]) -> None:
    """Judges each rollout and fork that is finished, as far as that is not done."""
    store, progress, final = work.store, work.progress, work.store.judged()
    rows = [row for row in store.rollouts("fork") if store.final(row.key)]
    coupled = couplings(store)
    pending = [(row, work.judges.pending(final.get(store.known[row.key].id, NO_DRAWS))) for row in rows]
    jobs = [
        partial(_judge, work, organizations.get(row.condition), coupled[row.condition], row, draws)
        for row, draws in pending
        if draws
    ]
    planned, left = Counter(row.condition for row in rows), Counter(row.condition for row, draws in pending if draws)
    progress.plan(planned, planned - left)
    await work.each(jobs)


async def _judge(
    work: Work, organization: Organization | None, coupling: str, row: Rollout, pending: Sequence[tuple[Judge, int]]
) -> None:
    rollout = work.store.rollout(row.key)
    files: Mapping[str, str] = organization.files(rollout.messages) if organization is not None else {}
    line = reversed(work.store.line(row.key))
    path = fork_path([(ancestor.at, ancestor.fork) for ancestor in line if ancestor.at is not None])
    root = lineage(row.seed, row.task, row.draw, row.generation, path, coupling)
    item = JudgingItem(row.key, root, (judge_input(work.tasks[row.task], rollout, files),))
    with work.progress.unit(row.condition, row.key) as unit:
        verdicts = await work.judges.judge(item, pending, past_of(work.store, row.key, rollout.attempt))
        unit.failed = any(verdict.outcome == "error" for verdict in verdicts)
