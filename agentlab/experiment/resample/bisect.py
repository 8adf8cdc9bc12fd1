"""Finds the round in which one rollout was decided with few forks, by halving where the expected measure moves most."""

from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from agentlab.engine.cut import Cut
from agentlab.engine.spec import FRESH, fork
from agentlab.errors import ScenarioError
from agentlab.experiment.progress import Progress
from agentlab.experiment.resample.draw import ForkPlan, ForkPoint, drawing, items
from agentlab.experiment.resample.score import score
from agentlab.experiment.runner import Runner
from agentlab.experiment.work import CONCURRENCY
from agentlab.stats.forks.path import next_cut
from agentlab.store import Store
from agentlab.types import Measure


@dataclass(frozen=True, slots=True)
class Bisected:
    """The step between neighboring cuts over which the mean of the forks moved most."""

    measure: str
    start: Cut
    end: Cut | None
    """None for the end of the rollout, whose value is its own."""
    before: float
    after: float
    """Means of the forks that selected it: they flatter it."""


async def bisect(plan: ForkPlan, progress: Progress, concurrency: int = CONCURRENCY) -> Bisected | None:
    """Draws forks at cut 0, then wherever the widest gap between known means is halved, `plan.wish.forks` each.

    Its own value stands at the rollout's end. At both sides of the round that is left, as many fresh forks are drawn,
    with indices above `FRESH`, so that its size can be told without the flattery of selection. None when the work was
    stopped, or when no mean differs from another. Raises `ScenarioError` when a mean cannot be had.
    """
    assert plan.measure is not None
    measure = plan.measure
    numbers, again = range(1, plan.request.forks + 1), range(FRESH + 1, FRESH + plan.request.forks + 1)
    todo = list(items(plan.fork_points, [*numbers, *again]))
    progress.enter("bisect", "forks")
    async with drawing(plan, todo, progress, concurrency) as runner:
        means, at = {len(plan.fork_points): _own(runner.store, plan, measure)}, 0
        while at is not None:
            if not await _drawn(runner, plan.fork_points[at], numbers):
                return None
            means[at] = _mean(runner.store, measure, plan.fork_points[at], numbers)
            at = next_cut(means)
        before, after = max(pairwise(sorted(means)), key=lambda pair: abs(means[pair[1]] - means[pair[0]]))
        if means[before] == means[after]:
            return None
        for fork_point in plan.fork_points[before : after + 1]:
            if not await _drawn(runner, fork_point, again):
                return None
    end = plan.fork_points[after].cut if after < len(plan.fork_points) else None
    return Bisected(measure.name, plan.fork_points[before].cut, end, means[before], means[after])


async def _drawn(runner: Runner, fork_point: ForkPoint, numbers: range) -> bool:
    """Whether all these forks of one cut are there now, or have failed for good."""
    todo = list(items([fork_point], numbers))
    progress = runner.work.progress
    await runner.run(todo)
    return not progress.stopping and not progress.limited


def _mean(store: Store, measure: Measure, fork_point: ForkPoint, numbers: range) -> float:
    keys = [fork(fork_point.parent.rollout_spec, fork_point.cut, index).key for index in numbers]
    values = [value for key in keys if store.final(key) and (value := _value(store, measure, key)) is not None]
    if len(values) < 2:
        raise ScenarioError(
            f"--bisect: {len(values)} of {len(keys)} forks at {fork_point.cut} have a value of {measure.name!r}, and "
            f"2 are needed; run the same command again to retry what failed, or name another --measure"
        )
    return fmean(values)


def _own(store: Store, plan: ForkPlan, measure: Measure) -> float:
    parent = plan.fork_points[0].parent
    value = _value(store, measure, parent.rollout_spec.key)
    if value is None:
        raise ScenarioError(f"--bisect: {parent.place} itself has no value of {measure.name!r}; name another --measure")
    return value


def _value(store: Store, measure: Measure, key: str) -> float | None:
    return score(measure, store.verdicts(key), store.known[key].status or "")
