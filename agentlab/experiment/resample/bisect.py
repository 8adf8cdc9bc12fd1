"""Finds the round in which one rollout was decided with few forks, by halving where the expected measure moves most."""

from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from agentlab.engine.cut import Cut
from agentlab.engine.trial import FRESH, fork
from agentlab.errors import ScenarioError
from agentlab.experiment.resample.draw import Plan, Spot, items, laboratory
from agentlab.experiment.resample.score import score
from agentlab.experiment.runner import Lab, Progress
from agentlab.experiment.session import LIVE, MAX_LIVE, unwrapped
from agentlab.stats.forks.path import next_cut
from agentlab.store import Store
from agentlab.types import Measure


@dataclass(frozen=True, slots=True)
class Decided:
    """The step between neighbouring cuts over which the mean of the forks moved most."""

    measure: str
    start: Cut
    end: Cut | None
    """None for the end of the rollout, whose value is its own."""
    before: float
    after: float
    """Means of the forks that selected it: they flatter it."""


async def bisect(plan: Plan, progress: Progress, live: int = LIVE) -> Decided | None:
    """Draws forks at cut 0, then wherever the widest gap between known means is halved, `plan.wish.forks` each.

    Its own value stands at the rollout's end. At both sides of the round that is left, as many fresh forks are drawn,
    with indices above `FRESH`, so that its size can be told without the flattery of selection. None when the work was
    stopped, or when no mean differs from another. Raises `ScenarioError` when a mean cannot be had.
    """
    assert plan.measure is not None
    measure, live = plan.measure, min(live, MAX_LIVE)
    numbers, again = range(1, plan.wish.forks + 1), range(FRESH + 1, FRESH + plan.wish.forks + 1)
    todo = list(items(plan.spots, [*numbers, *again]))
    async with laboratory(plan, todo, progress) as lab:
        means, at = {len(plan.spots): _own(lab.store, plan, measure)}, 0
        while at is not None:
            if not await _drawn(lab, plan.spots[at], numbers, live):
                return None
            means[at] = _mean(lab.store, measure, plan.spots[at], numbers)
            at = next_cut(means)
        before, after = max(pairwise(sorted(means)), key=lambda pair: abs(means[pair[1]] - means[pair[0]]))
        if means[before] == means[after]:
            return None
        for spot in plan.spots[before : after + 1]:
            if not await _drawn(lab, spot, again, live):
                return None
    end = plan.spots[after].cut if after < len(plan.spots) else None
    return Decided(measure.name, plan.spots[before].cut, end, means[before], means[after])


async def _drawn(lab: Lab, spot: Spot, numbers: range, live: int) -> bool:
    """Whether all these forks of one cut are there now, or have failed for good."""
    todo = list(items([spot], numbers))
    lab.progress.planned += len(todo)
    await unwrapped(lab.run(todo, live))
    return not lab.progress.stopping and not lab.progress.limited


def _mean(store: Store, measure: Measure, spot: Spot, numbers: range) -> float:
    keys = [fork(spot.parent.trial, spot.cut, index).key for index in numbers]
    values = [value for key in keys if store.final(key) and (value := _value(store, measure, key)) is not None]
    if len(values) < 2:
        raise ScenarioError(
            f"--bisect: {len(values)} of {len(keys)} forks at {spot.cut} have a value of {measure.name!r}, and 2 are "
            "needed; the same command tries again what failed, or name another --measure"
        )
    return fmean(values)


def _own(store: Store, plan: Plan, measure: Measure) -> float:
    parent = plan.spots[0].parent
    value = _value(store, measure, parent.trial.key)
    if value is None:
        raise ScenarioError(f"--bisect: {parent.place} has no value of {measure.name!r} itself; name another --measure")
    return value


def _value(store: Store, measure: Measure, key: str) -> float | None:
    return score(measure, store.verdicts(key), store.known[key].status or "")
