"""From a design to a run: every cell, task and draw played, committed and judged, draw by draw."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count

from agentlab.ask import Desk
from agentlab.engine import play
from agentlab.errors import Stopped
from agentlab.judging import Bench, Case, Past, past_of
from agentlab.seeds import digest
from agentlab.spec import Condition, Design
from agentlab.store import Known, Spend, Store
from agentlab.trial import Limits, Trial, over_limits, unstarted
from agentlab.types import Call, Exhibit, Rollout, Usage

UNFINISHED = (None, "cancelled", "infrastructure")
"""Stored statuses that the same command tries again."""


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


@dataclass(frozen=True, slots=True)
class Selection:
    """Which part of a design is run now: a pilot leaves the rest for a later command. None means all."""

    tasks: tuple[str, ...] | None = None
    levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    draws: int | None = None


def trials(design: Design, seed: int, selection: Selection) -> Iterator[tuple[Trial, Condition]]:
    """Every rollout of the design, draw by draw: a run that stops early is a smaller balanced run."""
    limits = Limits(design.limits.rollout.tokens, design.limits.rollout.cost, design.limits.rollout.minutes)
    conditions = [one for one in design.conditions if _chosen(one, selection)]
    contents = {(one.name, id): digest(task) for one in conditions for id, task in one.tasks.items()}
    rank = count()
    for draw in range(1, (selection.draws or design.draws) + 1):
        for id in selection.tasks or design.tasks:
            for one in conditions:
                coupling = "" if design.coupling == "seeds" else one.name
                key = digest(one.identity, contents[one.name, id], draw, 0, seed, coupling)
                trial = Trial(key, design.name, one.name, one.organization, one.tasks[id], draw, seed)
                yield replace(trial, coupling=coupling, limits=limits, rank=next(rank)), one


def _chosen(condition: Condition, selection: Selection) -> bool:
    return all(condition.levels[factor] in levels for factor, levels in selection.levels.items())


@dataclass(slots=True)
class Lab:
    """One command at work on one run."""

    design: Design
    store: Store
    desks: Mapping[str, Desk]
    """By condition."""
    bench: Bench
    progress: Progress
    judged: Mapping[int, set[tuple[str, int]]]
    """Judge draws that were final when the command began, by the rollout's number."""

    async def run(self, todo: Iterator[tuple[Trial, Condition]], live: int) -> None:
        """Plays and judges what is not done yet, at most `live` rollouts at once."""
        window = asyncio.Semaphore(live)
        async with asyncio.TaskGroup() as group:
            for trial, condition in todo:
                known = self.store.known.get(trial.key)
                if self._settled(trial, known):
                    self.progress.done += 1
                    self.progress.before += 1
                    continue
                await window.acquire()
                if self.progress.stopping or self._over_limit():
                    break
                task = group.create_task(self._one(trial, condition, known))
                task.add_done_callback(lambda _: window.release())

    def _settled(self, trial: Trial, known: Known | None) -> bool:
        if known is None or known.status in UNFINISHED or self._reopened(trial):
            return False
        return not self.bench.pending(self.judged.get(known.id, set()))

    def _reopened(self, trial: Trial) -> bool:
        """Whether a rollout that a limit stopped is below today's limits; its closing question does not count.

        One that ended at a prompt too long for its model stays as it is: that limit is not ours to raise.
        """
        known = self.store.known.get(trial.key)
        if known is None or known.status != "limit" or self.store.rollout(trial.key).error is not None:
            return False
        calls = [c for c in self.store.recorded(trial.key).values() if c.round <= trial.organization.rounds]
        return not over_limits(trial.limits, [c for c in calls if not c.actor.startswith("judge/")])

    def _over_limit(self) -> bool:
        limit, spent = self.design.limits.run, self.progress.spent
        over = (
            (limit.cost is not None and spent.cost >= limit.cost)
            or (limit.tokens is not None and spent.tokens >= limit.tokens)
            or (limit.minutes is not None and spent.minutes >= limit.minutes)
        )
        self.progress.limited = self.progress.limited or over
        return over

    async def _one(self, trial: Trial, condition: Condition, known: Known | None) -> None:
        self.progress.running += 1
        try:
            past = Past()
            if known is None or known.status in UNFINISHED or self._reopened(trial):
                trial, desk, past = self._resume(trial, condition, known)
                self.store.begin(unstarted(trial))
                rollout = await play(trial, desk, lambda: self.progress.stopping)
                await self.store.finish(rollout)
                done = set[tuple[str, int]]()
            else:
                rollout = self.store.rollout(trial.key)
                past = past_of(self.store, trial.key, rollout.attempt)
                done = self.judged.get(known.id, set())
            await self._end(trial, rollout, done, past)
        finally:
            self.progress.running -= 1

    def _resume(self, trial: Trial, condition: Condition, known: Known | None) -> tuple[Trial, Desk, Past]:
        """The trial as its next attempt, with the calls that need not be made again.

        A killed or cancelled rollout goes on as the same attempt, so that it ends as if undisturbed. One that failed,
        or that a raised limit reopens, is a new attempt: its new calls have random streams of their own.
        """
        desk = self.desks[condition.name]
        if known is None:
            return trial, desk, Past()
        recorded, failed = self.store.recorded(trial.key), self.store.failed_attempts(trial.key)
        # The closing question that an attempt ended with at a limit is asked anew when the rollout goes further.
        floor, rounds = known.attempt - (known.status != "limit"), trial.organization.rounds
        kept = {step: call for step, call in recorded.items() if 0 < step[1] <= rounds or call.attempt > floor}
        agents = [failed.get(agent.name, 0) for agent in trial.organization.agents]
        attempt = max(known.attempt, 1 + max(agents), 1 + floor)
        return replace(trial, attempt=attempt), replace(desk, recorded=kept), Past({}, failed, attempt - 1)

    async def _end(self, trial: Trial, rollout: Rollout, done: set[tuple[str, int]], past: Past) -> None:
        """Judges a finished rollout; one that failed or was cancelled is left for a later command."""
        if rollout.status in UNFINISHED:
            self.progress.failed += rollout.status == "infrastructure"
            return
        if self.progress.stopping:
            return
        exhibit = Exhibit(self.design.tasks[rollout.task], rollout.output, rollout.messages)
        case = Case(trial.key, trial.lineage, exhibit, trial.rank)
        try:
            verdicts = await self.bench.judge(case, self.bench.pending(done), past)
        except Stopped:
            return
        self.progress.failed += any(verdict.outcome == "error" for verdict in verdicts)
        self.progress.done += 1
