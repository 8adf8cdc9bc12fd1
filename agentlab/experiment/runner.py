"""From a design to a run: every cell, task and draw played, committed and judged, draw by draw."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from agentlab.engine.client import Client
from agentlab.engine.play import play
from agentlab.engine.spec import RolloutLimits, RolloutSpec, over_limits, unstarted
from agentlab.errors import Stopped
from agentlab.experiment.baselines import ComputeBudgets
from agentlab.experiment.forks import ForkStates
from agentlab.experiment.judging.rollouts import JudgeRunner, JudgingItem, JudgingRecord, past_of
from agentlab.experiment.schedule import Item, Schedule
from agentlab.scenario import Condition, Design
from agentlab.scenario.baseline import chained
from agentlab.seeds import digest
from agentlab.store import UNFINISHED, Known, Spend, Store
from agentlab.types import Call, JudgeInput, Rollout, Usage


@dataclass(slots=True)
class Progress:
    """What a run has done so far; whoever shows it reads it at will."""

    planned: int = 0
    done: int = 0
    """Rollouts with all their verdicts, those of earlier commands included."""
    before: int = 0
    """Of these, rollouts that were done when the command began."""
    running: int = 0
    failed: int = 0
    """Rollouts ended by infrastructure, or with a verdict whose judge failed."""
    calls: int = 0
    """Made by this command."""
    tokens: int = 0
    spent: Spend = field(default_factory=Spend)
    """By the whole run."""
    paid: float = 0.0
    """US dollars, by this command."""
    stopping: bool = False
    """Set it to end the run softly: what is in flight is finished and kept."""
    limited: bool = False
    """The run limit stopped the run."""

    def add(self, call: Call) -> None:
        """Counts one call."""
        usage = call.completion.usage if call.completion else Usage()
        self.calls += 1
        self.tokens += usage.input + usage.output
        self.paid += call.cost or 0.0
        self.spent = Spend(
            self.spent.cost + (call.cost or 0.0),
            self.spent.tokens + usage.input + usage.output,
            self.spent.minutes + call.seconds / 60,
            self.spent.unpriced + (call.cost is None and call.error is None),
        )

    def add_tools(self, call: Call) -> None:
        """Counts the time of the tools that a call asked for."""
        minutes = sum(result.seconds for result in call.tool_results) / 60
        self.spent = replace(self.spent, minutes=self.spent.minutes + minutes)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which part of a design is run now: a pilot leaves the rest for a later command. None means all."""

    tasks: tuple[str, ...] | None = None
    levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    draws: int | None = None


def rollout_specs(design: Design, seed: int, selection: Selection) -> Iterator[Item]:
    """Every rollout of the design, draw by draw: a run that stops early is a smaller balanced run.

    Of one task and draw, the baselines come last, each after what it is measured by.
    """
    limits = RolloutLimits(design.limits.rollout.tokens, design.limits.rollout.cost, design.limits.rollout.minutes)
    rank, draws = count(), range(1, (selection.draws or design.draws) + 1)
    keys = _Keys(design, seed)
    for draw in draws:
        for id in selection.tasks or design.tasks:
            for one in keys.order:
                if not _chosen(one, selection):
                    continue
                key, how = keys(one.name, id, draw), one.baseline
                rollout_spec = RolloutSpec(key, design.name, one.name, one.organization, one.tasks[id], draw, seed)
                coupling = "" if design.coupling == "seeds" else one.name
                rollout_spec = replace(rollout_spec, coupling=coupling, limits=limits, rank=next(rank))
                if how is not None:
                    of = keys(how.of, id, draw)
                    every = tuple(keys(how.of, id, other) for other in draws)
                    rollout_spec = replace(rollout_spec, of=of, waits=(of,) if how.at == "draw" else every)
                yield rollout_spec, one


class _Keys:
    """The identities of a design's rollouts; that of a baseline hashes that of the rollout it is measured by."""

    def __init__(self, design: Design, seed: int) -> None:
        self._design, self._seed = design, seed
        self._named = {one.name: one for one in design.conditions}
        matched = {one.name: one.baseline.of for one in design.conditions if one.baseline is not None}
        self.order = [one for one in design.conditions if one.baseline is None]
        self.order += [self._named[name] for name in chained(matched)]
        self._contents: dict[tuple[str, str], str] = {}

    def __call__(self, condition: str, task: str, draw: int) -> str:
        one = self._named[condition]
        if (condition, task) not in self._contents:
            self._contents[condition, task] = digest(one.tasks[task])
        coupling = "" if self._design.coupling == "seeds" else condition
        of = () if one.baseline is None else (self(one.baseline.of, task, draw),)
        return digest(one.identity, self._contents[condition, task], draw, 0, self._seed, coupling, *of)


def _chosen(condition: Condition, selection: Selection) -> bool:
    return all(condition.levels[factor] in levels for factor, levels in selection.levels.items())


@dataclass(slots=True)
class Runner:
    """One command at work on one run."""

    design: Design
    store: Store
    clients: Mapping[str, Client]
    """By condition."""
    bench: JudgeRunner
    progress: Progress
    judged: Mapping[int, set[tuple[str, int]]]
    """Judge draws that were final when the command began, by the rollout's number."""
    budgets: ComputeBudgets
    forks: ForkStates = field(init=False)

    def __post_init__(self) -> None:
        self.forks = ForkStates(self.store)

    async def run(self, todo: Sequence[Item], concurrency: int) -> None:
        """Plays and judges what is not done yet, at most `concurrency` rollouts at once."""
        window, schedule = asyncio.Semaphore(concurrency), Schedule(iter(todo), self._awaited(todo))
        async with asyncio.TaskGroup() as group:
            while True:
                await window.acquire()
                item = await schedule.next()
                if item is None or self.progress.stopping or self.over_limit():
                    break
                known = self.store.known.get(item[0].key)
                if self._settled(item[0], known):
                    self.progress.done += 1
                    self.progress.before += 1
                    schedule.end(item[0].key, final=True)
                    window.release()
                    continue
                task = group.create_task(self._one(*item, known, schedule))
                task.add_done_callback(lambda _: window.release())

    def _awaited(self, todo: Sequence[Item]) -> set[str]:
        """Rollouts that others wait for and that are still to be ended; a reopened one reopens its baselines."""
        waited = {key for rollout_spec, _ in todo for key in rollout_spec.waits}
        reopened = {
            rollout_spec.key for rollout_spec, _ in todo if rollout_spec.key in waited and self._reopened(rollout_spec)
        }
        for rollout_spec, _ in todo:  # baselines come after what they are measured by
            if not reopened.isdisjoint(rollout_spec.waits):
                self.store.reopen(rollout_spec.key)
                reopened.add(rollout_spec.key)
        return {key for key in waited if key in reopened or not self.store.final(key)}

    def _settled(self, rollout_spec: RolloutSpec, known: Known | None) -> bool:
        if known is None or known.status in UNFINISHED or self._reopened(rollout_spec):
            return False
        return not self.bench.pending(self.judged.get(known.id, set()))

    def _reopened(self, rollout_spec: RolloutSpec) -> bool:
        """Whether a rollout that a limit stopped is below today's limits; its closing question does not count.

        One that ended at a prompt too long for its model stays as it is: that limit is not ours to raise.
        """
        known = self.store.known.get(rollout_spec.key)
        if known is None or known.status != "limit" or self.store.rollout(rollout_spec.key).error is not None:
            return False
        calls = [
            c for c in self.store.recorded(rollout_spec.key).values() if c.round <= rollout_spec.organization.rounds
        ]
        return not over_limits(rollout_spec.limits, [c for c in calls if c.purpose != "judge"])

    def over_limit(self) -> bool:
        """Whether the run's limit is reached, which is noted."""
        limit, spent = self.design.limits.run, self.progress.spent
        over = (
            (limit.cost is not None and spent.cost >= limit.cost)
            or (limit.tokens is not None and spent.tokens >= limit.tokens)
            or (limit.minutes is not None and spent.minutes >= limit.minutes)
        )
        self.progress.limited = self.progress.limited or over
        return over

    async def _one(
        self, rollout_spec: RolloutSpec, condition: Condition, known: Known | None, schedule: Schedule
    ) -> None:
        self.progress.running += 1
        try:
            past = JudgingRecord()
            if known is None or known.status in UNFINISHED or self._reopened(rollout_spec):
                rollout_spec, client, past = self._resume(rollout_spec, condition, known)
                self.store.begin(unstarted(rollout_spec))
                state = self.forks.state(rollout_spec) if rollout_spec.branches else None
                rollout = await play(rollout_spec, client, lambda: self.progress.stopping, state)
                await self.store.finish(rollout)
                schedule.end(rollout_spec.key, final=rollout.status not in UNFINISHED)
                done = set[tuple[str, int]]()
            else:
                rollout = self.store.rollout(rollout_spec.key)
                past = past_of(self.store, rollout_spec.key, rollout.attempt)
                done = self.judged.get(known.id, set())
            await self._end(rollout_spec, rollout, done, past)
        finally:
            schedule.end(rollout_spec.key, final=False)  # unless it was told to be final
            self.progress.running -= 1

    def _resume(
        self, rollout_spec: RolloutSpec, condition: Condition, known: Known | None
    ) -> tuple[RolloutSpec, Client, JudgingRecord]:
        """The rollout as its next attempt, with the calls that need not be made again.

        A killed or cancelled rollout goes on as the same attempt, so that it ends as if undisturbed. One that failed,
        or that a raised limit reopens, is a new attempt: its new calls have random streams of their own.
        """
        client, rollout_spec = self.clients[condition.name], self.budgets.budgeted(rollout_spec, condition)
        if known is None:
            select = self.budgets.selector(rollout_spec, condition, client)
            return rollout_spec, replace(client, recorded={}, select=select), JudgingRecord()
        recorded = self.store.recorded(rollout_spec.key)
        # The closing question that an attempt ended with at a limit is asked anew when the rollout goes further.
        floor, rounds = known.attempt - (known.status != "limit"), rollout_spec.organization.rounds
        kept = {step: call for step, call in recorded.items() if 0 < step[1] <= rounds or call.attempt > floor}
        failed = self.store.failed_attempts(rollout_spec.key, judges=False).values()
        attempt = max(known.attempt, 1 + max(failed, default=0), 1 + floor)
        rollout_spec, client = replace(rollout_spec, attempt=attempt), replace(client, recorded=kept)
        client = replace(client, select=self.budgets.selector(rollout_spec, condition, client))
        judges = self.store.failed_attempts(rollout_spec.key, judges=True)
        return rollout_spec, client, JudgingRecord({}, judges, attempt - 1)

    async def _end(
        self, rollout_spec: RolloutSpec, rollout: Rollout, done: set[tuple[str, int]], past: JudgingRecord
    ) -> None:
        """Judges a finished rollout; one that failed or was cancelled is left for a later command."""
        if rollout.status in UNFINISHED:
            self.progress.failed += rollout.status == "infrastructure"
            return
        if self.progress.stopping:
            return
        files = rollout_spec.organization.files(rollout.messages)
        judge_input = JudgeInput(self.design.tasks[rollout.task], rollout.output, rollout.messages, files)
        case = JudgingItem(rollout_spec.key, rollout_spec.lineage, judge_input, rollout_spec.rank)
        try:
            verdicts = await self.bench.judge(case, self.bench.pending(done), past)
        except Stopped:
            return
        self.progress.failed += any(verdict.outcome == "error" for verdict in verdicts)
        self.progress.done += 1
