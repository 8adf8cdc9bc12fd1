"""One command on one run folder: opens it, checks that it fits, serves the models, works, and closes."""

import asyncio
import platform
import secrets
import signal
from collections import Counter
from collections.abc import Coroutine, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import msgspec

from agentlab.engine.client import Client
from agentlab.errors import AgentlabError, MismatchError, ScenarioError
from agentlab.experiment.baselines import ComputeBudgets
from agentlab.experiment.clients import client_for, counting, identify, serving
from agentlab.experiment.facts import facts
from agentlab.experiment.judging.anchors import judge_anchors
from agentlab.experiment.judging.groups import judge_groups
from agentlab.experiment.judging.pairs import Work, judge_known, judge_pairs
from agentlab.experiment.judging.rollouts import JudgeRunner
from agentlab.experiment.preregistration import interim, record
from agentlab.experiment.runner import Progress, Runner, Selection, rollout_specs
from agentlab.experiment.schedule import Item
from agentlab.models import StopSwitch
from agentlab.scenario import Design, differences
from agentlab.store import DATABASE, Store
from agentlab.types import Measure, Task

CONCURRENCY, MAX_CONCURRENCY = 256, 2000
"""Rollouts at once: unless said otherwise, enough to keep an account busy and few enough to stop well; and at most."""


async def run(
    design: Design, folder: Path, selection: Selection, progress: Progress, concurrency: int = CONCURRENCY
) -> None:
    """Plays and judges what of `design` is selected and not done yet, into `folder`.

    Raises `MismatchError` when the folder holds another design or another process works on it, `ScenarioError` for an
    unknown task or level, `StoreError` when the folder cannot be written. What else goes wrong is in the rows.
    """
    check(design, selection)
    with opened(folder) as store:
        seed = register(design, store)
        progress.spent = store.spend()
        todo = list(rollout_specs(design, seed, selection))
        _measured(todo, store)
        progress.planned = len(todo)
        judges = [*design.judges.values(), *design.selectors.values(), *design.of_two.values()]
        judging = {j.model: design.models[j.model] for j in judges if j.model is not None}
        arms = {one.name: one for _, one in todo}  # a pilot needs no key for an arm that it leaves out
        used = [*judging.values(), *(spec for one in arms.values() for spec in one.models.values())]
        specs = {identify(spec): spec for spec in used}
        async with serving(
            specs, store, [rollout_spec for rollout_spec, _ in todo], stop_switch := StopSwitch()
        ) as models:
            client = Client({}, counting(store, progress))
            clients = {name: client_for(client, one.models, models) for name, one in arms.items()}
            settings = {alias: spec.settings() for alias, spec in judging.items()}
            bench = JudgeRunner(design.judges, store, client_for(client, judging, models), settings)
            with stoppable(progress, stop_switch):
                budgets = ComputeBudgets(design, bench.client, settings, store.use)
                runner = Runner(design, store, clients, bench, progress, store.judged(), budgets)
                work = _work(runner, todo, seed, min(concurrency, MAX_CONCURRENCY))
                reports = await judge_anchors(work.documents, bench, seed) | await judge_known(work)
                store.set_meta({"anchors": store.meta().get("anchors", {}) | reports})
                await unwrapped(runner.run(todo, work.concurrency))
                await unwrapped(judge_two(work))
        _interim(store)


def _work(runner: Runner, todo: Sequence[Item], seed: int, concurrency: int) -> Work:
    """What the judges of two have to do when the rollouts of this command are finished."""
    design, only = runner.design, frozenset(rollout_spec.key for rollout_spec, _ in todo)
    bench, documents = replace(runner.bench, judges=design.of_two), dict[str, Any](design.tree.get("judges") or {})
    run = (documents, design.tasks, design.factors, seed, design.coupling)

    def stopped() -> bool:
        return runner.progress.stopping or runner.over_limit()

    return Work(bench, *run, runner.progress, stopped, concurrency, only)


async def judge_two(work: Work) -> None:
    """Pairs of arms first, then groups of answers; nothing once the command is to stop."""
    await judge_pairs(work)
    await judge_groups(work)


def _measured(todo: Sequence[Item], store: Store) -> None:
    """Raises `ScenarioError` when a baseline is selected without what it is measured by, and the run has not got it."""
    selected = {rollout_spec.key for rollout_spec, _ in todo}
    for rollout_spec, one in todo:
        if one.baseline and not all(key in selected or store.final(key) for key in rollout_spec.waits):
            raise ScenarioError(
                f"--only: {one.name} may spend what {one.baseline.of} spent on the same task and draw, which is left "
                f"out and not in {store.folder}; take {one.baseline.of} in too, or run it there first"
            )


def _interim(store: Store) -> None:
    """Records that the contrasts are about to be analysed, with how many rollouts of each condition are finished."""
    finished = Counter(rollout.condition for rollout in store.rollouts() if store.final(rollout.key))
    store.set_meta({"looks": interim(store.meta().get("looks", []), finished)})


def check(design: Design, selection: Selection) -> None:
    """Raises `ScenarioError` when the selection names what the design lacks."""
    for task in selection.tasks or ():
        if task not in design.tasks:
            raise ScenarioError(f"--tasks: no task {task!r} in {design.file}; tasks are {', '.join(design.tasks)}")
    for factor, levels in selection.levels.items():
        if factor not in design.factors:
            known = ", ".join(design.factors) or "none"
            raise ScenarioError(f"--only: no factor {factor!r} in {design.file}; factors are {known}")
        for level in levels:
            if level not in design.factors[factor]:
                known = ", ".join(design.factors[factor])
                raise ScenarioError(
                    f"--only: factor {factor!r} has no level {level!r} in {design.file}; it has {known}"
                )


def tasks_of(meta: Mapping[str, Any]) -> dict[str, Task]:
    """The run's tasks as they are before addenda, which is how judges see them."""
    return {task.id: task for task in msgspec.convert(meta.get("tasks", []), list[Task])}


@contextmanager
def opened(folder: Path) -> Generator[Store]:
    """The run folder, held until the block ends."""
    store = Store.open(folder)
    try:
        yield store
    finally:
        store.close()


def register(design: Design, store: Store) -> int:
    """Records the design, or checks it against the recorded one and extends that; gives the run's seed.

    Raises `MismatchError` with every place where an existing value would change.
    """
    old = store.meta()
    if "tree" in old and store.known:  # a folder without a rollout holds nothing that could be mixed up
        changed = differences(old["tree"], design.tree, design.ordered)
        if changed:
            lines = [f"  {path}: was {_short(was)}, is {_short(now)}" for path, was, now in changed]
            raise MismatchError(
                f"{store.folder / DATABASE}: the run was made from another scenario:\n" + "\n".join(lines) + "\n"
                "Tasks, draws, levels, judges and measures may be added; for anything else use --new or --out."
            )
    elif store.known:
        raise MismatchError(f"{store.folder / DATABASE}: these are imported texts, which no scenario can continue")
    seed: int = old.get("seed", design.seed if design.seed is not None else secrets.randbits(63))
    store.set_meta(_facts(design, old, seed))
    store.set_conditions([(c.name, c.levels, facts(c)) for c in design.conditions])
    return seed


def _facts(design: Design, old: Mapping[str, Any], seed: int) -> dict[str, Any]:
    measures = {m["name"]: m for m in old.get("measures", [])} | {m.name: m for m in measures_of(design)}
    return {
        "name": design.name,
        "about": design.about,
        "file": design.file,
        "tree": design.tree,
        "factors": design.factors,
        "draws": max(design.draws, old.get("draws", 0)),
        "tasks": list(design.tasks.values()),
        "measures": list(measures.values()),
        "judges": {**old.get("judges", {}), **judge_models(design)},
        "traits": {**old.get("traits", {}), **{name: asdict(traits) for name, traits in design.traits.items()}},
        "coupling": design.coupling,
        **record(design, old),
        "seed": seed,
        "created": old.get("created", datetime.now(UTC).isoformat(timespec="seconds")),
        "versions": {"agentlab": version("agentlab"), "python": platform.python_version()},
    }


def judge_models(design: Design) -> dict[str, str | None]:
    """The model behind each judge, as `provider/name`; None when it asks none."""
    judges = {**design.judges, **design.of_two}
    return {name: None if judge.model is None else design.models[judge.model].name for name, judge in judges.items()}


def measures_of(design: Design) -> list[Measure]:
    """The measures of the scenario; a judge that none of them uses gets one of its own, on its own scale."""
    found: list[Measure] = []
    for name, told in design.measures.items():
        criteria = design.counted[told.judge] if told.criteria == "all" else told.criteria
        scales = {criterion: design.scales[told.judge][criterion] for criterion in criteria}
        values = {s: v for s, v in (("declined", told.declined), ("vetoed", told.vetoed)) if v is not None}
        found.append(Measure(name, told.judge, scales, told.range, values, told.target))
    used = {measure.judge for measure in found}
    return found + [plain_measure(j, design.scales[j], design.counted[j]) for j in design.judges if j not in used]


def plain_measure(judge: str, scales: Mapping[str, tuple[float, float]], counted: Sequence[str]) -> Measure:
    """The mean of a judge's counted criteria on their own scale, or from 0 to 1 when they have several scales."""
    own = {criterion: scales[criterion] for criterion in counted}
    ranges = set(own.values())
    return Measure(judge, judge, own, ranges.pop() if len(ranges) == 1 else (0.0, 1.0))


@contextmanager
def stoppable(progress: Progress, stop_switch: StopSwitch) -> Generator[None]:
    """The first Ctrl-C lets what is in flight finish, the second cancels it; outside the main thread, neither."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def interrupt() -> None:
        if progress.stopping and task is not None:
            task.cancel()
        progress.stopping = True
        stop_switch.pull()

    try:
        loop.add_signal_handler(signal.SIGINT, interrupt)
    except (RuntimeError, ValueError, NotImplementedError):
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)


async def unwrapped(work: Coroutine[Any, Any, None]) -> None:
    """Awaits `work`; of a group of errors the first of ours is raised, or else the first."""
    try:
        await work
    except BaseExceptionGroup as group:
        errors = list(_leaves(group))
        raise next((e for e in errors if isinstance(e, AgentlabError)), errors[0]) from None


def _leaves(group: BaseExceptionGroup[BaseException]) -> Generator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(cast(BaseExceptionGroup[BaseException], error))
        else:
            yield error


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
