"""The loop: each generation is sampled and judged, and what it keeps trains the next one.

Every step is a function of what the run has recorded. The same command, typed again after a kill, therefore makes the
calls and the trainings that are missing, and no other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agentlab.errors import MismatchError, ScenarioError
from agentlab.experiment.addresses import Moved
from agentlab.experiment.decisions import Registration
from agentlab.experiment.executors import Executor
from agentlab.experiment.measures import measures_of
from agentlab.experiment.phases import note
from agentlab.experiment.progress import Progress
from agentlab.experiment.schedule import Item
from agentlab.experiment.session import LOCAL, begun, played
from agentlab.experiment.specs import Selection, rollout_specs
from agentlab.experiment.work import CONCURRENCY, working
from agentlab.interfaces import Judge
from agentlab.models.spec import ModelSpec
from agentlab.scenario.design import Design
from agentlab.store import DATABASE, NO_DRAWS, Store
from agentlab.training.loop import distance
from agentlab.training.loop.arm import Arm
from agentlab.training.loop.hints import hinted_specs
from agentlab.training.loop.memory import memorable, remembering
from agentlab.training.loop.rows import Judged, judged, rows_of
from agentlab.training.loop.train import next_generation

TRAIN = "train"
"""The name of the phase."""


async def train(
    design: Design,
    folder: Path,
    progress: Progress,
    concurrency: int = CONCURRENCY,
    executor: Executor = LOCAL,
    registration: Registration | None = None,
    accept: bool = False,
    where: Moved | None = None,
) -> None:
    """Plays every generation of the design into `folder`, and trains each from the one before.

    A training that fails ends its arm, and the run records why. Raises the errors of `agentlab.experiment.session.run`,
    `ScenarioError` for a design without a loop and for what this machine lacks, and `MismatchError` if weights are not
    those that the run has used.
    """
    if design.loop is None:
        raise ScenarioError(f"{design.file}: there is no section `improve`, so no model learns; use `agentlab run`")
    for condition in design.conditions:
        if condition.loop is not None and condition.loop.lacking:
            raise ScenarioError(f"{design.file}: {condition.loop.lacking}")
    async with begun(design, folder, registration, accept, "train") as (store, meta):
        await _Loop(design, store, meta, progress, concurrency, executor, where).run()


@dataclass(frozen=True, slots=True)
class _Loop:
    """One command on one run folder."""

    design: Design
    store: Store
    meta: Mapping[str, Any]
    progress: Progress
    concurrency: int
    executor: Executor
    where: Moved | None

    async def run(self) -> None:
        """Every generation, until the command is to stop or no arm is left."""
        arms = [Arm(condition, condition) for condition in self.design.conditions]
        last = 0 if self.design.loop is None else self.design.loop.fields.generations
        for generation in range(last + 1):
            if not arms or not await self._sampled(arms, generation):
                return
            await self._measured(arms, generation)
            if generation == last or self._stopped():
                return
            if (plain := await self._hinted(arms, generation)) is None:
                return
            arms = await self._trained(arms, generation, plain)
            if self._stopped():
                return

    def _stopped(self) -> bool:
        return self.progress.stopping or self.progress.limited

    async def _sampled(self, arms: Sequence[Arm], generation: int) -> bool:
        """Samples and judges a generation. Whether all that is learned from is there."""
        design = replace(self.design, conditions=tuple(arm.condition for arm in arms))
        self._same(arms)
        every = rollout_specs(design, self.meta["seed"], Selection(), generation)
        todo = [item for item in every if design.loop is None or design.loop.plays(item[0].task, generation)]
        return await self._played(design, todo, generation, f"generation {generation}: ")

    async def _hinted(self, arms: Sequence[Arm], generation: int) -> Mapping[str, Judged] | None:
        """Samples again, with a hint, tasks that gave nothing to learn from, now or as their arm remembers.

        What was sampled without a hint of the arms that have hints, by the name of their condition. None if not all
        that was to be sampled is there.
        """
        asked = [arm for arm in arms if arm.loop.fields.hint is not None and not (generation == 0 and arm.loop.first)]
        measures = measures_of(self.design)
        plain = {a.condition.name: judged(self.store, a.condition, generation, measures) for a in asked}
        remembered = {arm.condition.name: {row.task for row in arm.memory} for arm in asked}
        tasks = {name: sampled.unsolved - remembered[name] for name, sampled in plain.items()}
        if any(tasks.values()):
            design = replace(self.design, conditions=tuple(arm.condition for arm in asked))
            todo = list(hinted_specs(design, tasks, self.meta["seed"], generation))
            if not await self._played(design, todo, generation, f"generation {generation}, with a hint: "):
                return None
        return plain

    async def _played(self, design: Design, todo: Sequence[Item], generation: int, title: str) -> bool:
        """Plays and judges these rollouts. Whether all that is learned from is there."""
        how = (self.progress, self.concurrency, self.executor, self.where)
        await played(design, self.store, self.meta, todo, *how, generation, title)
        return not self._stopped() and self._complete(todo)

    async def _measured(self, arms: Sequence[Arm], generation: int) -> None:
        """Scores the replies of a trained generation on the split that `improve.kl` names, where they are not yet."""
        for split in sorted({arm.loop.fields.kl or "" for arm in arms} - {""}) if generation else ():
            measured = [arm for arm in arms if arm.loop.fields.kl == split]
            todo = distance.unscored(measured, self.store, split)
            if not todo:
                continue
            self.progress.enter(f"generation {generation}: distance from the base")
            note(self.store, generation, distance.KIND, ended=False)
            served = {condition.name: condition.models for arm in measured for condition in (arm.condition, arm.origin)}
            judges, models = dict[str, Judge](), dict[str, ModelSpec]()
            common = (self.store, self.meta, self.design.tasks, judges, models, self.progress, self.concurrency)
            async with working(*common, served, limit=self.design.limits.run, where=self.where) as work:
                await distance.score(work, todo)
            note(self.store, generation, distance.KIND, ended=not self._stopped())

    def _same(self, arms: Sequence[Arm]) -> None:
        """Raises `MismatchError` if the run has rollouts of other weights under the name of one of these arms."""
        recorded = self.store.conditions()
        for arm in arms:
            known = recorded.get(arm.condition.name)
            if known is not None and known["identity"] != arm.condition.identity:
                raise MismatchError(
                    f"{self.store.folder / DATABASE}: {arm.condition.name} was played with other weights; use --new or "
                    f"--out for a fresh run folder"
                )

    def _complete(self, todo: Sequence[Item]) -> bool:
        """Whether every rollout that is learned from has ended and has been judged."""
        scored, store = self.store.judged(), self.store
        for spec, condition in todo:
            loop = condition.loop
            if loop is None or loop.split(spec.task).role != "learn":
                continue
            measure = next(m for m in measures_of(self.design) if m.name == loop.fields.keep.measure)
            judge = self.design.judges[measure.judge]
            due = {(judge.name, draw) for draw in range(judge.draws)}
            if not store.final(spec.key) or due - scored.get(store.known[spec.key].id, NO_DRAWS):
                return False
        return True

    async def _trained(self, arms: Sequence[Arm], generation: int, plain: Mapping[str, Judged]) -> list[Arm]:
        """The arms that have a next generation."""
        title = f"generation {generation + 1}: train"
        self.progress.enter(title, "steps")
        note(self.store, generation + 1, TRAIN, ended=False)
        measures, trained = measures_of(self.design), list[Arm]()
        for number, arm in enumerate(arms, 1):
            if len(arms) > 1:  # how many steps the others take is known only when they begin
                self.progress.phase = f"{title} loop {number} of {len(arms)}"
            known = plain.get(arm.condition.name)
            rows = rows_of(self.store, arm.condition, generation, measures, known)
            remembers = arm.loop.fields.keep.memory
            rows = remembering(rows, arm.memory) if remembers else rows
            made = await next_generation(self.store, arm, rows, self.meta["seed"], self.progress)
            if self._stopped():
                return trained
            trained += [] if made is None else [replace(made, memory=memorable(rows, arm.origin) if remembers else ())]
        note(self.store, generation + 1, TRAIN, ended=True)
        return trained
