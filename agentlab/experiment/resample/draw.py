"""Draws stored rollouts anew from a cut on, some of them changed, and judges what comes of it.

What lies before the cut is the parent's, found by its lineage: it is neither asked nor paid for again.
"""

from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import msgspec

from agentlab.engine.client import Desk
from agentlab.engine.cut import Cut, by_agent, ends, read
from agentlab.engine.intervention import Change
from agentlab.engine.trial import FRESH, fork
from agentlab.errors import ScenarioError
from agentlab.experiment.baselines import Books
from agentlab.experiment.clients import counting, desk_for, identify, serving
from agentlab.experiment.judging.rollouts import Bench
from agentlab.experiment.resample.cost import Bill, Quote, Teller
from agentlab.experiment.resample.interventions import SWAPPED, dropped, edited, swapped
from agentlab.experiment.resample.parents import Archive, Parent
from agentlab.experiment.resample.request import Wish
from agentlab.experiment.runner import Lab, Progress
from agentlab.experiment.schedule import Item
from agentlab.experiment.session import LIVE, MAX_LIVE, check, opened, stoppable, unwrapped
from agentlab.models import Brake, ModelSpec
from agentlab.scenario import Design
from agentlab.scenario.document import suggest
from agentlab.store import UNFINISHED
from agentlab.store import read as opened_to_read
from agentlab.text import counted
from agentlab.types import Measure

ENOUGH = 30
"""Parents of a condition under which shares of variance say little."""


@dataclass(frozen=True, slots=True)
class Spot:
    """One cut of one rollout, with a change or without."""

    parent: Parent
    cut: Cut
    change: Change | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be drawn, and what it will take."""

    folder: Path
    design: Design
    wish: Wish
    parents: tuple[Parent, ...]
    spots: tuple[Spot, ...]
    """Every one is drawn `wish.forks` times. Of a bisection, those that it may come to."""
    models: Mapping[str, Mapping[str, ModelSpec]]
    """By condition and alias."""
    measure: Measure | None
    """The one that a bisection follows."""
    quote: Quote
    notes: tuple[str, ...]


def plan(folder: Path, wish: Wish, scenario: Path | None = None) -> Plan:
    """What the wish comes to in the run in `folder`, which stays as it is.

    `scenario` lies beside the modules of one's own that the run uses. Raises `ScenarioError` for a wish that cannot be
    granted, `MismatchError` when the run's design is another one today, `StoreError` when there is no run.
    """
    wish.check()
    with closing(opened_to_read(folder)) as connection:
        connection.execute("BEGIN")  # one look at a run that may be going on
        archive = Archive(folder, connection, scenario)
        check(archive.design, wish.selection)
        measure = _measure(archive, wish)
        parents = _parents(archive, wish)
        stand_ins = _stand_ins(archive.design, wish, parents)
        spots, notes = _spots(wish, parents, stand_ins)
        forked = {spot.parent.trial.key for spot in spots}
        parents = tuple(parent for parent in parents if parent.trial.key in forked)
        specs = {name: spec for name, (_, spec) in stand_ins.items()}
        added = _added(archive)
        there = {key for key, status in archive.forks().items() if status not in UNFINISHED}
    quote = _quote(wish, spots, Teller(archive.design, specs), there)
    models = {p.condition.name: dict(p.condition.models) for p in parents}
    for name, spec in specs.items():
        models[name][SWAPPED] = spec
    return Plan(
        folder, archive.design, wish, parents, spots, models, measure, quote, (*_few(wish, parents), *notes, *added)
    )


def items(spots: Sequence[Spot], indices: Sequence[int]) -> Iterator[Item]:
    """Every fork, index by index: what stops early has all cuts drawn equally often."""
    rank = count()
    for index in indices:
        for spot in spots:
            trial = fork(spot.parent.trial, spot.cut, index, spot.change)
            yield replace(trial, rank=next(rank)), spot.parent.condition


def keys(plan: Plan) -> set[str]:
    """Every fork that the plan may come to."""
    numbers = [*range(1, plan.wish.forks + 1)]
    again = [FRESH + index for index in numbers] if plan.wish.bisect else []
    return {trial.key for trial, _ in items(plan.spots, [*numbers, *again])}


async def draw(plan: Plan, progress: Progress, live: int = LIVE) -> None:
    """Draws and judges what of the plan is not there yet, with the run held.

    Raises `MismatchError` when another process works on the run, `ScenarioError` when a model cannot be had.
    """
    todo = list(items(plan.spots, range(1, plan.wish.forks + 1)))
    progress.planned = len(todo)
    async with laboratory(plan, todo, progress) as lab:
        await unwrapped(lab.run(todo, min(live, MAX_LIVE)))


@asynccontextmanager
async def laboratory(plan: Plan, todo: Sequence[Item], progress: Progress) -> AsyncGenerator[Lab]:
    """The run, held and ready to draw; `todo` are all forks that it may be asked for."""
    design = plan.design
    with opened(plan.folder) as store:
        progress.spent = store.spend()
        judging = {j.model: design.models[j.model] for j in design.judges.values() if j.model is not None}
        used = [*judging.values(), *(spec for specs in plan.models.values() for spec in specs.values())]
        async with serving(
            {identify(s): s for s in used}, store, [trial for trial, _ in todo], brake := Brake()
        ) as models:
            desk = Desk({}, counting(store, progress))
            desks = {name: desk_for(desk, specs, models) for name, specs in plan.models.items()}
            settings = {alias: spec.settings() for alias, spec in judging.items()}
            bench = Bench(design.judges, store, desk_for(desk, judging, models), settings)
            books = Books(design, bench.desk, settings, store.use)
            with stoppable(progress, brake):
                yield Lab(design, store, desks, bench, progress, store.judged(), books)


def _parents(archive: Archive, wish: Wish) -> tuple[Parent, ...]:
    if wish.rollout is not None:
        parents = [archive.one(wish.rollout)]
    else:
        parents = archive.some(wish.selection, wish.parents, wish.swap.agent if wish.swap is not None else None)
    if not parents:
        raise ScenarioError(
            f"{archive.folder}: no finished rollout is selected; `agentlab show {archive.folder}` lists them"
        )
    return tuple(parents)


def _measure(archive: Archive, wish: Wish) -> Measure | None:
    if not wish.bisect:
        return None
    measures = {m.name: m for m in msgspec.convert(archive.meta.get("measures", []), list[Measure])}
    name = next(iter(measures), "") if wish.measure is None else wish.measure
    if name not in measures:
        raise ScenarioError(f"--measure: no measure {name!r} in {archive.folder}; {suggest(name, measures)}")
    return measures[name]


def _stand_ins(design: Design, wish: Wish, parents: Sequence[Parent]) -> dict[str, tuple[Change, ModelSpec]]:
    """By condition: the swap, and the model that comes in."""
    if wish.swap is None:
        return {}
    return {name: swapped(design, c, wish.swap) for name, c in {p.condition.name: p.condition for p in parents}.items()}


def _spots(
    wish: Wish, parents: Sequence[Parent], stand_ins: Mapping[str, tuple[Change, ModelSpec]]
) -> tuple[tuple[Spot, ...], list[str]]:
    """Where each parent is drawn anew: at each cut plainly, then with its change; and what is left out."""
    found, refused = list[Spot](), list[tuple[Parent, ScenarioError]]()
    for parent in parents:
        try:
            for cut, change in _cuts(wish, parent, stand_ins):
                found += [Spot(parent, cut), *([Spot(parent, cut, change)] if change is not None else [])]
        except ScenarioError as error:
            refused.append((parent, error))
    if not found:
        raise refused[0][1]
    left = [
        f"{counted(len(refused), 'rollout')} left out, such as {parent.place}: {error}" for parent, error in refused[:1]
    ]
    return tuple(found), left


def _cuts(
    wish: Wish, parent: Parent, stand_ins: Mapping[str, tuple[Change, ModelSpec]]
) -> list[tuple[Cut, Change | None]]:
    if not parent.active:
        raise ScenarioError(f"{parent.place}: nobody was asked anything in it, so nothing can be drawn anew")
    if wish.every_round or wish.bisect:
        return [(cut, None) for cut in (*ends(parent.active), *(by_agent(parent.active) if wish.by_agent else ()))]
    at = None if wish.at is None else read(wish.at, parent.active, parent.rounds)
    if wish.swap is not None:
        return [(at or Cut(0), stand_ins[parent.condition.name][0])]
    if wish.drop is None and wish.edit is None:
        assert at is not None
        return [(at, None)]
    cut, change = dropped(parent, wish.drop) if wish.drop is not None else edited(parent, *(wish.edit or (0, "")))
    if at not in (None, cut):
        raise ScenarioError(
            f"--at {at}: the message is read after round {cut}, so its fork is cut there: leave out --at"
        )
    return [(cut, change)]


def _quote(wish: Wish, spots: Sequence[Spot], teller: Teller, there: set[str]) -> Quote:
    indices, again = range(1, wish.forks + 1), range(FRESH + 1, FRESH + wish.forks + 1)
    drawn = [(spot, indices) for spot in spots]
    if wish.bisect:  # of all cuts the first two leave the most to be drawn
        drawn += [(spot, again) for spot in spots[:2]]
    agents, judges, missing = Bill(), Bill(), 0
    for spot, numbers in drawn:
        new = sum(fork(spot.parent.trial, spot.cut, i, spot.change).key not in there for i in numbers)
        missing += new
        agents += teller.drawn(spot.parent, spot.cut, spot.change).times(new)
        judges += teller.judged(spot.parent).times(new)
    return Quote(missing, len(drawn) * wish.forks - missing, agents, judges, at_most=wish.bisect)


def _added(archive: Archive) -> list[str]:
    later = ", ".join(archive.meta.get("added", {}).keys() - archive.design.judges.keys())
    return [f"judges added by `agentlab judge` ({later}) judge forks when that command is given again"] if later else []


def _few(wish: Wish, parents: Sequence[Parent]) -> list[str]:
    if not wish.every_round or wish.rollout is not None:
        return []
    of = Counter(parent.condition.name for parent in parents)
    if min(of.values()) >= ENOUGH:
        return []
    each = f", {min(of.values())} of {min(of, key=of.__getitem__)}" if len(of) > 1 else ""
    return [
        f"{counted(len(parents), 'rollout')} to fork{each}; shares of variance by round and agent rest on {ENOUGH} or "
        "more of a condition (more draws, or --parents)"
    ]
