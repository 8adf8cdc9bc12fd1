"""Draws stored rollouts anew from a cut on, some of them changed, and judges what comes of it.

What lies before the cut is the parent's, found by its lineage: it is neither asked nor paid for again.
"""

from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import msgspec
from msgspec import structs

from agentlab.engine.intervention import Change
from agentlab.engine.spec import FRESH, fork
from agentlab.errors import ScenarioError
from agentlab.experiment.inference.play import Property
from agentlab.experiment.progress import Progress
from agentlab.experiment.resample.cost import ForkPricing, Quote
from agentlab.experiment.resample.parents import Parent, ParentRun
from agentlab.experiment.resample.points import ForkPoint, fork_points_of
from agentlab.experiment.resample.property import check_turns, property_named
from agentlab.experiment.resample.request import ForkRequest
from agentlab.experiment.resample.swaps import swapped
from agentlab.experiment.runner import Runner
from agentlab.experiment.sandboxed import SANDBOXES, of_design
from agentlab.experiment.schedule import Item
from agentlab.experiment.session import runner_for
from agentlab.experiment.specs import check
from agentlab.experiment.work import CONCURRENCY, opened, working
from agentlab.judges.program import with_case_seeds
from agentlab.models.cost import Cost
from agentlab.models.spec import ModelSpec
from agentlab.scenario.design import Design
from agentlab.store import UNFINISHED
from agentlab.store import read as opened_to_read
from agentlab.suggestion import suggest
from agentlab.text import pluralize
from agentlab.types import Measure

ENOUGH = 30
"""Parents of a condition under which shares of variance say little."""


@dataclass(frozen=True, slots=True)
class ForkPlan:
    """What will be drawn, and what it will take."""

    folder: Path
    design: Design
    request: ForkRequest
    parents: tuple[Parent, ...]
    fork_points: tuple[ForkPoint, ...]
    """Every one is drawn `request.forks` times. Of a bisection, those that it may come to."""
    models: Mapping[str, Mapping[str, ModelSpec]]
    """By condition and alias."""
    measure: Measure | None
    """The one that a bisection follows."""
    quote: Quote
    notes: tuple[str, ...]
    properties: Mapping[str, Property] = field(default_factory=dict[str, Property])
    """By name, the judge of what messages must be where a turn is drawn anew."""


def plan(folder: Path, request: ForkRequest, scenario: Path | None = None) -> ForkPlan:
    """What the wish comes to in the run in `folder`, which stays as it is.

    `scenario` lies beside the modules of one's own that the run uses. Raises `ScenarioError` for a wish that cannot be
    granted, `MismatchError` when the run's design is another one today, `StoreError` when there is no run.
    """
    request.check()
    with closing(opened_to_read(folder)) as connection:
        connection.execute("BEGIN")  # one look at a run that may be going on
        archive = ParentRun(folder, connection, scenario)
        check(archive.design, request.selection)
        measure = _measure(archive, request)
        properties = (
            {} if request.until is None else {request.until.judge: property_named(request.until.judge, archive)}
        )
        parents = _parents(archive, request)
        stand_ins = _stand_ins(archive.design, request, parents)
        fork_points, notes = fork_points_of(request, parents, stand_ins)
        forked = {fork_point.parent.rollout_spec.key for fork_point in fork_points}
        parents = tuple(parent for parent in parents if parent.rollout_spec.key in forked)
        models = _models(parents, stand_ins)
        added = _added(archive)
        there = {key for key, status in archive.forks().items() if status not in UNFINISHED}
    quote = _quote(request, fork_points, ForkPricing(archive.design, models), there)
    return ForkPlan(
        folder,
        archive.design,
        request,
        parents,
        fork_points,
        models,
        measure,
        quote,
        (*_few(request, parents), *notes, *_redrawn(request, properties), *added),
        properties,
    )


def items(fork_points: Sequence[ForkPoint], indices: Sequence[int]) -> Iterator[Item]:
    """Every fork, index by index: what stops early has all cuts drawn equally often."""
    rank = count()
    for index in indices:
        for fork_point in fork_points:
            rollout_spec = fork(fork_point.parent.rollout_spec, fork_point.cut, index, fork_point.change)
            yield structs.replace(rollout_spec, rank=next(rank)), fork_point.parent.condition


def keys(plan: ForkPlan) -> set[str]:
    """Every fork that the plan may come to."""
    numbers = [*range(1, plan.request.forks + 1)]
    again = [FRESH + index for index in numbers] if plan.request.bisect else []
    return {rollout_spec.key for rollout_spec, _ in items(plan.fork_points, [*numbers, *again])}


async def draw(plan: ForkPlan, progress: Progress, concurrency: int = CONCURRENCY) -> None:
    """Draws and judges what of the plan is not there yet, with the run held.

    Raises `MismatchError` when another process works on the run, `ScenarioError` when a model cannot be had, and
    `SandboxError` when programs are to be run and there is no sandbox.
    """
    await check_turns(plan.fork_points, plan.properties)
    todo = list(items(plan.fork_points, range(1, plan.request.forks + 1)))
    progress.enter("draw forks", "forks")
    async with drawing(plan, todo, progress, concurrency) as runner:
        await runner.run(todo)


@asynccontextmanager
async def drawing(
    plan: ForkPlan, todo: Sequence[Item], progress: Progress, concurrency: int = CONCURRENCY
) -> AsyncGenerator[Runner]:
    """The run, held and ready to draw; `todo` are all forks that it may be asked for."""
    design = plan.design
    judging = {j.model: design.models[j.model] for j in design.judges.values() if j.model is not None}
    judging |= {p.judge.model: p.spec for p in plan.properties.values() if p.judge.model is not None and p.spec}
    specs, limit = [spec for spec, _ in todo], design.limits.run
    conditions = {condition.name: condition for _, condition in todo}.values()
    with opened(plan.folder, new=False) as store:
        meta = await of_design(design, store.meta(), conditions)
        design = replace(design, tasks=with_case_seeds(design.tasks, meta["seed"]))
        async with working(
            store, meta, design.tasks, design.judges, judging, progress, concurrency, plan.models, specs, limit
        ) as work:
            store.set_meta({name: meta[name] for name in (SANDBOXES,) if name in meta})
            yield runner_for(design, work, properties=plan.properties)


def _parents(archive: ParentRun, request: ForkRequest) -> tuple[Parent, ...]:
    if request.rollout is not None:
        parents = [archive.one(request.rollout)]
    else:
        parents = archive.some(
            request.selection, request.parents, request.swap.agent if request.swap is not None else None
        )
    if not parents:
        raise ScenarioError(
            f"{archive.folder}: no finished rollout is selected; `agentlab show {archive.folder}` lists them"
        )
    return tuple(parents)


def _measure(archive: ParentRun, request: ForkRequest) -> Measure | None:
    if not request.bisect:
        return None
    measures = {m.name: m for m in msgspec.convert(archive.meta.get("measures", []), list[Measure])}
    name = next(iter(measures), "") if request.measure is None else request.measure
    if name not in measures:
        raise ScenarioError(f"--measure: no measure {name!r} in {archive.folder}; {suggest(name, measures)}")
    return measures[name]


def _stand_ins(design: Design, request: ForkRequest, parents: Sequence[Parent]) -> dict[str, tuple[Change, ModelSpec]]:
    """By condition: the swap, and the model that comes in."""
    if request.swap is None:
        return {}
    return {
        name: swapped(design, c, request.swap) for name, c in {p.condition.name: p.condition for p in parents}.items()
    }


def _models(
    parents: Sequence[Parent], stand_ins: Mapping[str, tuple[Change, ModelSpec]]
) -> dict[str, dict[str, ModelSpec]]:
    """By condition and alias, those that swaps bring in among them."""
    models = {parent.condition.name: {**parent.condition.models, **parent.models} for parent in parents}
    for name, (change, spec) in stand_ins.items():
        if name in models and change.agent is not None:
            models[name][change.agent.model] = spec
    return models


def _quote(request: ForkRequest, fork_points: Sequence[ForkPoint], pricing: ForkPricing, there: set[str]) -> Quote:
    indices, again = range(1, request.forks + 1), range(FRESH + 1, FRESH + request.forks + 1)
    drawn = [(fork_point, indices) for fork_point in fork_points]
    if request.bisect:  # of all cuts the first two leave the most to be drawn
        drawn += [(fork_point, again) for fork_point in fork_points[:2]]
    agents, judges, missing = Cost(), Cost(), 0
    for fork_point, numbers in drawn:
        new = sum(
            fork(fork_point.parent.rollout_spec, fork_point.cut, i, fork_point.change).key not in there for i in numbers
        )
        missing += new
        agents += pricing.drawn(fork_point.parent, fork_point.cut, fork_point.change) * new
        judges += pricing.judged(fork_point.parent) * new
    return Quote(missing, len(drawn) * request.forks - missing, agents, judges, at_most=request.bisect)


def _redrawn(request: ForkRequest, properties: Mapping[str, Property]) -> list[str]:
    if request.until is None:
        return []
    later = "this turn and every later one" if request.until.resilient else "this turn"
    asked = ", without the calls of the judge" if any(p.spec for p in properties.values()) else ""
    return [f"{later} may be drawn {request.until.tries} times; the price is for that many{asked}"]


def _added(archive: ParentRun) -> list[str]:
    later = ", ".join(name for name in archive.meta.get("added", {}) if name not in archive.design.judges)
    return (
        [f"judges added by `agentlab judge` ({later}) judge forks only when you run that command again"]
        if later
        else []
    )


def _few(request: ForkRequest, parents: Sequence[Parent]) -> list[str]:
    if not request.every_round or request.rollout is not None:
        return []
    of = Counter(parent.condition.name for parent in parents)
    if min(of.values()) >= ENOUGH:
        return []
    each = f", {min(of.values())} of {min(of, key=of.__getitem__)}" if len(of) > 1 else ""
    return [
        f"{pluralize(len(parents), 'rollout')} to fork{each}; shares of variance by round and agent need {ENOUGH} or "
        f"more per condition (add draws, or raise --parents)"
    ]
