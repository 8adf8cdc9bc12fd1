"""From a design to a run: every cell, task and draw played, committed and judged, draw by draw."""

from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial

from msgspec import structs

from agentlab.engine.budget import counted
from agentlab.engine.client import Client
from agentlab.engine.spec import RolloutSpec, over_limits, unstarted
from agentlab.experiment.baselines import ComputeBudgets
from agentlab.experiment.executors import Executor
from agentlab.experiment.forks import ForkStates
from agentlab.experiment.inference.keep import StoredParticles
from agentlab.experiment.inference.play import Populations
from agentlab.experiment.judging.rollouts import JudgingItem, JudgingRecord, past_of
from agentlab.experiment.schedule import Item, Schedule
from agentlab.experiment.work import Job, WideJob, Work
from agentlab.interfaces import Judge
from agentlab.judges.inputs import judge_input
from agentlab.scenario.condition import Condition
from agentlab.scenario.inference_fields import at_once
from agentlab.store import NO_DRAWS, UNFINISHED, JudgeDraws, Known, Store
from agentlab.types import Rollout


@dataclass(frozen=True, slots=True)
class Runner:
    """Plays and judges the rollouts of one command."""

    work: Work
    executor: Executor
    judged: Mapping[int, JudgeDraws]
    """Judge draws that were final when the command began, by the rollout's number."""
    budgets: ComputeBudgets
    forks: ForkStates
    populations: Populations
    draws: int
    """How many draws of a task the run had at most when the command began."""
    _due: dict[tuple[str, str], JudgeDraws] = field(default_factory=dict[tuple[str, str], JudgeDraws])
    """By condition and task, the judge draws that a rollout is to have; filled as they are asked for."""

    @property
    def store(self) -> Store:
        """Of the run."""
        return self.work.store

    async def run(self, todo: Sequence[Item]) -> None:
        """Plays and judges what is not done yet."""
        self.work.progress.plan(Counter(condition.name for _, condition in todo))
        await self.work.each(self._jobs(Schedule(iter(todo), self._awaited(todo))))

    async def _jobs(self, schedule: Schedule) -> AsyncGenerator[Job]:
        while (item := await schedule.next()) is not None:
            spec, condition = item
            known = self.store.known.get(spec.key)
            if self._settled(spec, condition, known):
                self.work.progress.found(condition.name)
                schedule.end(spec.key, final=True)
            elif self.work.stopped():
                break
            else:
                job = partial(self._one, spec, condition, known, schedule)
                yield WideJob(job, width) if (width := at_once(condition.inference)) > 1 else job

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
        again = self._growing([item for item in todo if item[0].key in waited])
        return {key for key in waited if key in reopened or key in again or not self.store.final(key)}

    def _growing(self, todo: Sequence[Item]) -> set[str]:
        """Baselines that have ended and whose budget may be another one since: that of more draws, or of such a one."""
        growing = set[str]()
        for spec, condition in todo:
            if condition.baseline is not None and self.store.final(spec.key):
                changing = any(key in growing or not self.store.final(key) for key in spec.waits)
                if changing or self._rebudgeted(spec, condition):
                    growing.add(spec.key)
        return growing

    def _rebudgeted(self, spec: RolloutSpec, condition: Condition) -> bool:
        """Whether a baseline has ended with other steps than its budget gives it by all draws that there are now."""
        how = condition.baseline
        if how is None or (how.at == "draw" and self.budgets.conditions[how.of].baseline is None):
            return False
        if not all(map(self.store.final, (spec.key, *spec.waits))):
            return False
        ended = self.store.rollout(spec.key)
        if ended.status == "limit" or (how.at == "task_median" and self.draws > len(spec.waits)):
            return False  # a limit stopped it, or fewer draws are selected than the run has
        budget = self.budgets.budgeted(spec, condition).budget
        if budget is None or budget.amount == ended.budget:
            return False
        made = [call for call in self.store.recorded(spec.key).values() if call.purpose != "judge"]
        return counted(budget.sizes(made), budget.amount) != ended.steps

    def _to_be_played(self, rollout_spec: RolloutSpec, condition: Condition, known: Known) -> bool:
        """Whether a rollout that has begun has not ended, or a raised limit or another budget reopens it."""
        return known.status in UNFINISHED or self._reopened(rollout_spec) or self._rebudgeted(rollout_spec, condition)

    def _settled(self, rollout_spec: RolloutSpec, condition: Condition, known: Known | None) -> bool:
        if known is None or self._to_be_played(rollout_spec, condition, known):
            return False
        place = condition.name, rollout_spec.task.id
        if place not in self._due:
            due = self._pending(condition, rollout_spec.task.id, NO_DRAWS)
            self._due[place] = frozenset((judge.name, draw) for judge, draw in due)
        return self._due[place] <= self.judged.get(known.id, NO_DRAWS)

    def _pending(self, condition: Condition, task: str, done: JudgeDraws) -> list[tuple[Judge, int]]:
        """The judge draws that are due; a judge of a loop may look at some splits only."""
        pending, loop = self.work.judges.pending(done), condition.loop
        if loop is None:
            return pending
        return [(judge, draw) for judge, draw in pending if loop.judges(judge.name, condition.tasks[task])]

    def _reopened(self, rollout_spec: RolloutSpec) -> bool:
        """Whether a rollout that a limit stopped is below today's limits; its closing question does not count.

        One that ended at a prompt too long for its model stays as it is: that limit is not ours to raise.
        """
        known = self.store.known.get(rollout_spec.key)
        if known is None or known.status != "limit" or self.store.rollout(rollout_spec.key).error is not None:
            return False
        made = [*self.store.recorded(rollout_spec.key).values()]
        if self.store.about(rollout_spec.key):
            made = self.store.use(rollout_spec.key)
        calls = [call for call in made if call.round <= rollout_spec.organization.rounds]
        return not over_limits(rollout_spec.limits, [c for c in calls if c.purpose != "judge"])

    async def _one(
        self, rollout_spec: RolloutSpec, condition: Condition, known: Known | None, schedule: Schedule
    ) -> None:
        try:
            earlier = 0.0 if known is None or self.work.cost_limit is None else self.store.spent(rollout_spec.key)
            with self.work.progress.unit(condition.name, rollout_spec.key, earlier) as unit:
                unit.failed = await self._failed(rollout_spec, condition, known, schedule)
        finally:
            schedule.end(rollout_spec.key, final=False)  # unless it was told to be final

    async def _failed(
        self, rollout_spec: RolloutSpec, condition: Condition, known: Known | None, schedule: Schedule
    ) -> bool | None:
        """Whether a rollout failed, or a judge on it; None when it was stopped."""
        past = JudgingRecord()
        if known is None or self._to_be_played(rollout_spec, condition, known):
            rollout_spec, client, past = self._resume(rollout_spec, condition, known)
            self.store.begin(unstarted(rollout_spec))
            rollout = await self._played(rollout_spec, condition, client)
            await self.store.finish(rollout)
            schedule.end(rollout_spec.key, final=rollout.status not in UNFINISHED)
            done = NO_DRAWS
        else:
            rollout = self.store.rollout(rollout_spec.key)
            past = past_of(self.store, rollout_spec.key, rollout.attempt)
            done = self.judged.get(known.id, NO_DRAWS)
        return await self._judging_failed(rollout_spec, rollout, self._pending(condition, rollout.task, done), past)

    async def _played(self, rollout_spec: RolloutSpec, condition: Condition, client: Client) -> Rollout:
        """One attempt, played by the executor, or a population of them, which is played here."""
        state = self.forks.state(rollout_spec) if rollout_spec.branches else None
        change = rollout_spec.branches[-1].change if rollout_spec.branches else None
        keep = StoredParticles(self.store, self.work.progress, rollout_spec.key)
        if state is not None and change is not None and change.redraw is not None:
            with closing(keep):
                return await self.populations.redraw(rollout_spec, client, self._stopping, keep, state, change.redraw)
        if condition.inference is not None:
            with closing(keep):
                return await self.populations.play(rollout_spec, condition, client, self._stopping, keep)
        return await self.executor.play(rollout_spec, client, self._stopping, state)

    def _stopping(self) -> bool:
        return self.work.progress.stopping

    def _resume(
        self, rollout_spec: RolloutSpec, condition: Condition, known: Known | None
    ) -> tuple[RolloutSpec, Client, JudgingRecord]:
        """The rollout as its next attempt, with the calls that need not be made again.

        A killed or cancelled rollout goes on as the same attempt, so that it ends as if undisturbed. One that failed,
        or that a raised limit or another budget reopens, is a new attempt: its new calls have random streams of their
        own.
        """
        client, rollout_spec = self.work.clients[condition.name], self.budgets.budgeted(rollout_spec, condition)
        if known is None:
            select = self.budgets.selector(rollout_spec, condition, client)
            return rollout_spec, client if select is None else replace(client, select=select), JudgingRecord()
        recorded = self.store.recorded(rollout_spec.key)
        # The closing question that an attempt ended with at a limit is asked anew when the rollout goes further.
        floor, rounds = known.attempt - (known.status in UNFINISHED), rollout_spec.organization.rounds
        kept = {step: call for step, call in recorded.items() if 0 < step[1] <= rounds or call.attempt > floor}
        failed = self.store.failed_attempts(rollout_spec.key, judges=False).values()
        attempt = max(known.attempt, 1 + max(failed, default=0), 1 + floor)
        rollout_spec, client = structs.replace(rollout_spec, attempt=attempt), replace(client, recorded=kept)
        client = replace(client, select=self.budgets.selector(rollout_spec, condition, client))
        judges = self.store.failed_attempts(rollout_spec.key, judges=True)
        return rollout_spec, client, JudgingRecord({}, judges, attempt - 1)

    async def _judging_failed(
        self, rollout_spec: RolloutSpec, rollout: Rollout, pending: list[tuple[Judge, int]], past: JudgingRecord
    ) -> bool | None:
        """Judges a finished rollout; one that failed or was cancelled is left for a later command."""
        if rollout.status == "infrastructure":
            return True
        if rollout.status in UNFINISHED or self._stopping():
            return None
        if not pending:
            return False
        files = rollout_spec.organization.files(rollout.messages)
        shown = judge_input(self.work.tasks[rollout.task], rollout, files)
        item = JudgingItem(rollout_spec.key, rollout_spec.lineage, (shown,), rollout_spec.rank)
        verdicts = await self.work.judges.judge(item, pending, past)
        return any(verdict.outcome == "error" for verdict in verdicts)
