"""Trains one generation of one arm: writes its rows and its job, calls the trainer, and records what came of it."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import msgspec

from agentlab import own_code
from agentlab.errors import MismatchError, TrainingError
from agentlab.experiment.progress import Progress
from agentlab.experiment.tally import Tally
from agentlab.experiment.work import stoppable
from agentlab.models.serve import StopSwitch
from agentlab.store import DATABASE, Store
from agentlab.store.training import TrainedGeneration, set_kept, set_served, set_trained, trained
from agentlab.training.loop import ended
from agentlab.training.loop.arm import Arm
from agentlab.training.loop.rows import GenerationRows
from agentlab.training.trainer import Trained, TrainingJob, TrainingStep
from agentlab.training.trainers.row import lines_of

LOOK = 0.2
"""Seconds between two looks at whether the command is to stop."""


async def next_generation(store: Store, arm: Arm, rows: GenerationRows, seed: int, progress: Progress) -> Arm | None:
    """The arm in its next generation; None if it has none, which the run then records, or if the command was stopped.

    Raises `MismatchError` if the run has rollouts of other weights in that generation.
    """
    recipe = arm.next_recipe(rows, seed)
    recorded = _recorded(store, arm, recipe)
    set_kept(store, rows.recorded)
    tally = progress.tallies.setdefault(arm.next_name, Tally(planned=1))
    try:
        if not rows.rows:
            raise TrainingError(f"no row was kept from {arm.condition.name}: {rows.reasons or 'it has no rollouts'}")
        job = _job(store.folder, arm, rows, recipe, seed)
        made = ended.read(job.folder) if arm.loop.own else None
        tally.running = 1
        if made is None:
            with stoppable(progress, StopSwitch()):
                made = await _unless_stopped(_trained(arm, job, lambda step: _show(step, tally, progress)), progress)
        following = None if made is None else _served(arm, recipe, made)
        if arm.loop.own and made is not None:
            _write(job.folder / ended.FILE, ended.encoded(made, job.folder))
    except (TrainingError, OSError) as error:
        known = recorded or TrainedGeneration(arm.next_name, recipe, len(rows.rows))
        set_trained(store, replace(known, error=str(error)))  # which weights were served stays known
        tally.running, tally.failed = 0, 1
        progress.failed += 1
        return None
    finally:
        tally.running = 0
    if made is None or following is None:
        return None
    if recorded is not None and recorded.digest not in (None, made.digest):
        raise MismatchError(
            f"{store.folder / DATABASE}: {arm.next_name} was served with other weights than those of this training "
            f"(SHA-256 {recorded.digest} then, {made.digest} now); use --new or --out for a fresh run folder"
        )
    tally.done = tally.planned
    set_trained(store, TrainedGeneration(arm.next_name, recipe, len(rows.rows), made.digest, made.metrics))
    of = {"origin": arm.origin.name, "generation": following.generation, "recipe": recipe}
    set_served(store, arm.next_name, {**of, "serve": dict(made.serve), "systems": dict(made.systems)})
    return following


async def _trained(arm: Arm, job: TrainingJob, report: Callable[[TrainingStep], None]) -> Trained:
    """What the trainer made. Raises `TrainingError` or `OSError`; a trainer of one's own may fail in any way."""
    try:
        return await arm.loop.train(job, report)
    except (TrainingError, OSError):
        raise
    except Exception as error:
        raise TrainingError(f"the trainer failed: {own_code.told(error)}") from error


def _served(arm: Arm, recipe: str, made: Trained) -> Arm:
    """The arm with what the trainer made. Raises `TrainingError` where that cannot be served."""
    try:
        return arm.next(recipe, made)
    except (ValueError, TypeError, AttributeError) as error:
        said = " ".join(str(error).split())
        raise TrainingError(f"what the trainer made cannot be served: {type(error).__name__}: {said}") from error


def _recorded(store: Store, arm: Arm, recipe: str) -> TrainedGeneration | None:
    """What the run has of the next generation, made by the same recipe."""
    known = trained(store).get(arm.next_name)
    if known is None or known.recipe == recipe:
        return known
    if arm.next_name in store.conditions():
        raise MismatchError(
            f"{store.folder / DATABASE}: {arm.next_name} was trained on other rows than {arm.condition.name} gives now "
            f"(recipe {known.recipe} then, {recipe} now). What is learned from, its scores, or the trainer changed, "
            f"for example by a corrected target. Undo the change to continue, or use --new or --out to train again "
            f"from the corrected tasks"
        )
    return None


def _job(run: Path, arm: Arm, rows: GenerationRows, recipe: str, seed: int) -> TrainingJob:
    """The job, with its rows in its folder."""
    loop, spec = arm.loop, arm.origin.models[arm.loop.fields.policy]
    folder = run.resolve() / "weights" / f"{arm.generation + 1}-{recipe}"
    start = arm.start if loop.fields.restart_from == "previous" else dict[str, Any]()
    file = folder / "rows.jsonl"
    job = TrainingJob(folder, spec.name, start, file, arm.seed(seed), loop.settings, dict(spec.options))
    folder.mkdir(parents=True, exist_ok=True)
    _write(file, lines_of(rows.rows))
    fields = {name: value for name, value in asdict(job).items() if name not in ("folder", "rows")}
    _write(folder / "job.json", msgspec.json.format(msgspec.json.encode(fields)))
    return job


def _write(path: Path, data: bytes) -> None:
    """The whole file, or the one that was there."""
    if path.is_file() and path.read_bytes() == data:
        return
    beside = path.with_name(f"{path.name}.part")
    beside.write_bytes(data)
    os.replace(beside, path)


def _show(step: TrainingStep, tally: Tally, progress: Progress) -> None:
    tally.planned, tally.done = max(step.steps, 1), min(step.step, step.steps)
    tally.running = int(step.step < step.steps)
    progress.note = "" if step.loss is None else f"loss {step.loss:.3f}"


async def _unless_stopped(training: Coroutine[Any, Any, Trained], progress: Progress) -> Trained | None:
    """What the training gives; it is cancelled when the command is to stop, and the next command goes on with it."""
    task = asyncio.ensure_future(training)
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=LOOK)
            if progress.stopping and not task.done():
                return None
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
