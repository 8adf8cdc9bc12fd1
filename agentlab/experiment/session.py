"""One command on one run folder: opens it, checks that it fits, serves the models, works, and closes."""

import asyncio
import platform
import secrets
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from agentlab.errors import ScenarioError
from agentlab.experiment import decisions, resume
from agentlab.experiment.addresses import Moved
from agentlab.experiment.asking import with_request
from agentlab.experiment.baselines import ComputeBudgets
from agentlab.experiment.decisions import Registration, require
from agentlab.experiment.executors import Executor
from agentlab.experiment.executors.local import LocalExecutor
from agentlab.experiment.facts import facts
from agentlab.experiment.forks import ForkStates
from agentlab.experiment.inference.play import Populations, Property
from agentlab.experiment.judging.couplings import couplings
from agentlab.experiment.judging.pairs import Comparisons
from agentlab.experiment.judging.rejudged import rejudged
from agentlab.experiment.limits import products
from agentlab.experiment.measures import measures_of
from agentlab.experiment.phases import Phase, through, with_judging
from agentlab.experiment.progress import Progress
from agentlab.experiment.registering import record
from agentlab.experiment.runner import Runner
from agentlab.experiment.sandboxed import of_design, unsafe_local
from agentlab.experiment.schedule import Item
from agentlab.experiment.served import SERVED
from agentlab.experiment.specs import Selection, check, rollout_specs
from agentlab.experiment.work import CONCURRENCY, Work, opened, working
from agentlab.judges.added_anchors import ADDED, added_anchors
from agentlab.judges.program import with_case_seeds
from agentlab.scenario.design import Design
from agentlab.scenario.remarks import machine_lacks
from agentlab.store import Store, look, looks
from agentlab.store.looks import forget
from agentlab.store.training import WEIGHTS

LOCAL = LocalExecutor()
BEGINS = ("name", "created", "asked")
"""What a run records of itself before its models are served."""


async def run(
    design: Design,
    folder: Path,
    selection: Selection,
    progress: Progress,
    concurrency: int = CONCURRENCY,
    executor: Executor = LOCAL,
    registration: Registration | None = None,
    accept: bool = False,
    where: Moved | None = None,
    unsafe: bool = False,
) -> None:
    """Plays and judges what of `design` is selected and not done yet, into `folder`.

    `accept` lets other code than before go on with the run, `where` says which servers have moved, and `unsafe` runs
    programs without a sandbox; all are recorded. Raises `MismatchError` when the folder holds another design or another
    process works on it, or the design is not what its `registration` says, `ScenarioError` for an unknown task or level
    and for what this machine lacks, such as a sandbox, `StoreError` when the folder cannot be written. What else goes
    wrong is in the rows.
    """
    check(design, selection)
    with unsafe_local(unsafe):
        async with begun(design, folder, registration, accept, selection=selection) as (store, meta):
            todo = list(rollout_specs(design, meta["seed"], selection))
            _measured(todo, store)
            await played(design, store, meta, todo, progress, concurrency, executor, where)


@asynccontextmanager
async def begun(
    design: Design,
    folder: Path,
    registration: Registration | None = None,
    accept: bool = False,
    verb: str = "run",
    selection: Selection | None = None,
) -> AsyncGenerator[tuple[Store, Mapping[str, Any]]]:
    """The run folder of one command, with what the run will have recorded of the design; at the end, a look at it.

    Raises what `run` raises before anything is played; `verb` says in its messages what is to be done with the design,
    of which the selection is asked for, or all generations where it is None.
    """
    if lacking := await asyncio.to_thread(machine_lacks, design):
        raise ScenarioError(f"{design.file}: this machine cannot {verb} it: {'; '.join(lacking)}")
    if registration is not None:
        require(registration, design)
    with opened(folder) as store:
        meta = planned(design, store, registration, accept) | {"asked": with_request(design, selection, store)}
        if not store.known:  # a list of runs shows it while its models are loaded
            store.set_meta({name: meta[name] for name in BEGINS})
        yield store, await of_design(design, meta, design.conditions)
        interim(store)


async def played(
    design: Design,
    store: Store,
    meta: Mapping[str, Any],
    todo: Sequence[Item],
    progress: Progress,
    concurrency: int = CONCURRENCY,
    executor: Executor = LOCAL,
    where: Moved | None = None,
    generation: int = 0,
    title: str = "",
) -> None:
    """Serves the models of `todo`, and plays and judges what is not done yet. `title` is shown before each phase."""
    seeded = replace(design, tasks=with_case_seeds(design.tasks, meta["seed"]))
    judges = [*design.judges.values(), *design.selectors.values(), *design.of_two.values()]
    judging = {j.model: design.models[j.model] for j in judges if j.model is not None}
    arms = {c.name: c.models for _, c in todo}  # a pilot needs no key for an arm that it leaves out
    specs, limit = [spec for spec, _ in todo], design.limits.run
    async with working(
        store, meta, seeded.tasks, design.judges, judging, progress, concurrency, arms, specs, limit, where
    ) as work:
        register(design, store, meta)
        runner = runner_for(seeded, work, executor)
        sample = Phase("sample and judge", partial(runner.run, todo))
        await through(work, with_judging(_comparisons(seeded, work, todo), sample), generation, title)


def runner_for(
    design: Design, work: Work, executor: Executor = LOCAL, properties: Mapping[str, Property] | None = None
) -> Runner:
    """Plays and judges rollouts of the design. `properties` are judges of turns that are drawn anew."""
    judges = (work.judges.client, work.judges.settings)
    budgets = ComputeBudgets(design, *judges, work.store.use)
    populations = Populations(design, *judges, work.concurrency, properties or {})
    store = work.store
    return Runner(work, executor, store.judged(), budgets, ForkStates(store), populations, store.draws())


def _comparisons(design: Design, work: Work, todo: Sequence[Item]) -> Comparisons:
    """What the judges of two have to do when the rollouts of this command are finished."""
    documents, only = dict[str, Any](design.tree.get("judges") or {}), frozenset(spec.key for spec, _ in todo)
    of_two = replace(work.judges, judges=design.of_two)
    return Comparisons(work, of_two, documents, design.factors, couplings(work.store), only)


def _measured(todo: Sequence[Item], store: Store) -> None:
    """Raises `ScenarioError` when a baseline is selected without what it is measured by, and the run has not got it."""
    selected = {spec.key for spec, _ in todo}
    for spec, arm in todo:
        if arm.baseline and not all(key in selected or store.final(key) for key in spec.waits):
            of = arm.baseline.of
            raise ScenarioError(
                f"--only: {arm.name} has the budget that {of} spent on the same task and draw, but {of} is neither "
                f"selected nor in {store.folder}; include {of}, or run it there first"
            )


def interim(store: Store) -> None:
    """Records that the contrasts are about to be analysed, with how many rollouts of each condition are finished.

    All looks so far go into the run's own file, which is all of it that an archive needs.
    """
    look(store.folder, store.finished(), store.meta()["looks"])
    store.set_meta({"looks": looks(store.folder)})
    forget(store.folder)


def planned(
    design: Design, store: Store, registration: Registration | None = None, accept: bool = False
) -> dict[str, Any]:
    """What the run will have recorded of the design, which extends what it has.

    Raises `MismatchError` with every place where an existing value would change, or where the code is other code than
    before, unless that is accepted.
    """
    old = store.meta()
    code = resume.check(design, store, old, accept) if store.known else resume.record({})
    seed: int = old.get("seed", design.seed if design.seed is not None else secrets.randbits(63))
    decided = decisions.record(design, old, registration, len(store.known))
    as_served = ("addresses", SERVED, WEIGHTS)  # recorded as the models are served
    kept = {name: value for name, value in old.items() if name not in as_served}
    late = {ADDED: added_anchors(old, design.tree.get("judges") or {})}
    return {**kept, **_facts(design, old, seed), **decided, **code, **late}


def register(design: Design, store: Store, meta: Mapping[str, Any]) -> None:
    """Records the design as it was `planned`; verdicts on tasks whose target was corrected are to be given anew."""
    store.set_meta({**meta, **rejudged(design, store, store.meta())})
    store.set_conditions([(c.name, c.levels, facts(c)) for c in design.conditions])


def _facts(design: Design, old: Mapping[str, Any], seed: int) -> dict[str, Any]:
    measures = {m["name"]: m for m in old.get("measures", [])} | {m.name: m for m in measures_of(design)}
    return {
        "name": design.name,
        "about": design.about,
        "file": design.file,
        "options": list(dict.fromkeys([*old.get("options", []), *design.options])),
        "tree": design.tree,
        "factors": design.factors,
        "draws": max(design.draws, old.get("draws", 0)),
        **_looped(design),
        "tasks": list(design.tasks.values()),
        "products": products(design, old.get("products", {}), seed),
        "measures": list(measures.values()),
        "judges": {**old.get("judges", {}), **judge_models(design)},
        "traits": {**old.get("traits", {}), **{name: asdict(traits) for name, traits in design.traits.items()}},
        "coupling": design.coupling,
        "cluster": design.cluster,
        **record(design, old),
        "seed": seed,
        "versions": {"agentlab": version("agentlab"), "python": platform.python_version()},
        "created": old.get("created", datetime.now(UTC).isoformat(timespec="seconds")),
    }


def _looped(design: Design) -> dict[str, Any]:
    """Of a self-training loop: the rollouts of all its generations, and those of one arm in each generation."""
    if (loop := design.loop) is None:
        return {}
    each = [
        sum(design.draws_of(id) for id, task in design.tasks.items() if loop.plays(task, generation))
        for generation in range(loop.fields.generations + 1)
    ]
    return {"loop": {"rollouts": len(design.conditions) * sum(each), "each": each}}


def judge_models(design: Design) -> dict[str, str | None]:
    """The model behind each judge, as `provider/name`; None when it asks none."""
    judges = {**design.judges, **design.of_two}
    return {name: None if judge.model is None else design.models[judge.model].name for name, judge in judges.items()}
