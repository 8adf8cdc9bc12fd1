"""Adds judges to a run that is there: new verdicts on its finished rollouts and forks, and none repeated."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import msgspec

from agentlab.engine.client import Client
from agentlab.engine.spec import fork_path, lineage
from agentlab.errors import MismatchError, Stopped
from agentlab.experiment.clients import client_for, counting, identify, serving
from agentlab.experiment.judging.anchors import judge_anchors
from agentlab.experiment.judging.pairs import Work, judge_known
from agentlab.experiment.judging.rollouts import JudgeRunner, JudgingItem, past_of
from agentlab.experiment.runner import Progress
from agentlab.experiment.session import CONCURRENCY, judge_two, opened, plain_measure, stoppable, tasks_of, unwrapped
from agentlab.interfaces import Judge
from agentlab.judges import recorded
from agentlab.models import ModelSpec, StopSwitch
from agentlab.organization.agents import Organization
from agentlab.scenario import rebuild
from agentlab.scenario.added_judges import added_judges
from agentlab.scenario.judges import JudgeSet
from agentlab.store import UNFINISHED, Store, read
from agentlab.types import JudgeInput, Task


async def rejudge(
    folder: Path, names: Sequence[str], judge_model: str | None, progress: Progress, concurrency: int = CONCURRENCY
) -> None:
    """Judges every finished rollout and fork of the run in `folder` with these judges, unless they have done so.

    Raises `StoreError` when there is no run, `ScenarioError` for a judge that is wrong, and `MismatchError` when the
    run already has another judge, or another model behind it, under one of the names.
    """
    read(folder).close()  # opening to write would make a run where there is none
    with opened(folder) as store:
        meta = store.meta()
        section: dict[str, Any] = meta.get("tree", {}).get("models", {})
        built, specs, documents = added_judges(names, section, judge_model, meta.get("factors", {}))
        _register(store, meta, built, specs, documents)
        progress.spent = store.spend()
        used = {identify(specs[judge.model]): specs[judge.model] for judge in built.every.values() if judge.model}
        async with serving(used, store, [], stop_switch := StopSwitch()) as models:
            own = {alias: spec for alias, spec in specs.items() if identify(spec) in used}
            client = client_for(Client({}, counting(store, progress)), own, models)
            bench = JudgeRunner(built.judges, store, client, {alias: spec.settings() for alias, spec in own.items()})
            with stoppable(progress, stop_switch):
                work = _work(meta, replace(bench, judges=built.of_two), documents, progress, concurrency)
                reports = await judge_anchors(documents, bench, meta["seed"]) | await judge_known(work)
                store.set_meta({"anchors": meta.get("anchors", {}) | reports})
                organizations = _with_workspace(folder, meta)
                await unwrapped(_all(store, bench, progress, tasks_of(meta), organizations, meta, concurrency))
                await unwrapped(judge_two(work))


def _work(
    meta: Mapping[str, Any], bench: JudgeRunner, documents: Mapping[str, Any], progress: Progress, concurrency: int
) -> Work:
    """What the judges of two have to do."""
    run = (documents, tasks_of(meta), meta.get("factors", {}), meta["seed"], str(meta.get("coupling")))
    return Work(bench, *run, progress, lambda: progress.stopping, concurrency)


def _register(
    store: Store, meta: dict[str, Any], built: JudgeSet, specs: Mapping[str, ModelSpec], documents: Mapping[str, Any]
) -> None:
    known = recorded(meta)
    models = {name: specs[j.model].name if j.model else None for name, j in built.every.items()}
    for name, document in documents.items():
        if name in known and known[name] != document:
            raise MismatchError(f"{store.folder}: its judge {name!r} is another one; give this one another name")
        if name in meta.get("judges", {}) and meta["judges"][name] != models[name]:
            was, now = meta["judges"][name], models[name]
            raise MismatchError(f"{store.folder}: judge {name!r} asked {was} in this run, not {now}; rename the judge")
    measured = {m["judge"] for m in meta.get("measures", [])}
    new = [plain_measure(n, built.scales[n], built.counted[n]) for n in built.judges if n not in measured]
    store.set_meta(
        {
            "added": meta.get("added", {}) | {n: d for n, d in documents.items() if n not in known},
            "judges": meta.get("judges", {}) | models,
            "traits": meta.get("traits", {}) | {name: asdict(traits) for name, traits in built.traits.items()},
            "measures": [*meta.get("measures", []), *new],
        }
    )


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


async def _all(
    store: Store,
    bench: JudgeRunner,
    progress: Progress,
    tasks: dict[str, Task],
    organizations: Mapping[str, Organization],
    meta: Mapping[str, Any],
    concurrency: int,
) -> None:
    window = asyncio.Semaphore(concurrency)
    final = store.judged()
    rows = [row for row in store.rollouts(forks=True) if store.known[row.key].status not in UNFINISHED]
    progress.planned = len(rows)
    async with asyncio.TaskGroup() as group:
        for row in rows:
            known = store.known[row.key]
            pending = bench.pending(final.get(known.id, set()))
            if not pending:
                progress.done += 1
                progress.before += 1
                continue
            await window.acquire()
            if progress.stopping:
                break
            own = row.condition if meta.get("coupling") == "none" else ""
            way = fork_path([(one.at, one.fork) for one in reversed(store.line(row.key)) if one.at is not None])
            root = lineage(row.seed, row.task, row.draw, row.generation, way, own)
            made_by = organizations.get(row.condition)
            task = group.create_task(_one(bench, progress, tasks[row.task], made_by, row.key, root, pending))
            task.add_done_callback(lambda _: window.release())


async def _one(
    bench: JudgeRunner,
    progress: Progress,
    task: Task,
    organization: Organization | None,
    key: str,
    root: str,
    pending: Sequence[tuple[Judge, int]],
) -> None:
    store = bench.store
    rollout = store.rollout(key)
    past = past_of(store, key, rollout.attempt)
    progress.running += 1
    try:
        files: Mapping[str, str] = organization.files(rollout.messages) if organization is not None else {}
        judge_input = JudgeInput(task, rollout.output, rollout.messages, files)
        verdicts = await bench.judge(JudgingItem(key, root, judge_input), pending, past)
        progress.failed += any(verdict.outcome == "error" for verdict in verdicts)
        progress.done += 1
    except Stopped:
        pass
    finally:
        progress.running -= 1
