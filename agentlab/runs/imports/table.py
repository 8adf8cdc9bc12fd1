"""A table of texts made elsewhere becomes a run, whose outputs judges and statistics take like any other's.

The file is read twice: once to find every mistake before anything is written, once to write. Neither time is it kept.
"""

import asyncio
import platform
import secrets
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from agentlab.errors import MismatchError, Mistake
from agentlab.experiment.recorded_tasks import tasks_of
from agentlab.runs.imports.check import ImportCheck, check
from agentlab.runs.imports.columns import Columns, text
from agentlab.runs.imports.mistakes import refuse
from agentlab.scenario.document.rows import Format, rows
from agentlab.seeds import digest
from agentlab.store import DATABASE, Store, read
from agentlab.text import line, pluralize
from agentlab.types import Rollout

_CHUNK = 500
"""Rows written together."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did; `new` of the `rows` were not there before."""

    folder: Path
    rows: int
    new: int
    empty: int
    tasks: int
    conditions: int

    def __str__(self) -> str:
        texts, tasks = pluralize(self.rows, "text"), pluralize(self.tasks, "task")
        size = f"{texts} ({self.empty:,} empty) on {tasks} in {pluralize(self.conditions, 'condition')}"
        return (
            f"{self.folder}: {size}; {self.new:,} new\nNext: agentlab show {self.folder}\n"
            f"      agentlab judge {self.folder} --with JUDGE"
        )


def table(
    file: str | Path, format: Format, columns: Columns, name: str | None = None, out: str | Path | None = None
) -> Imported:
    """Imports a JSONL or CSV file into the run folder `out`, by default `runs/NAME`, by default named like the file.

    The same rows again change nothing, new rows are added. Raises `ScenarioError` with every mistake of the file,
    `MismatchError` when the folder holds a scenario's run, other factors, or another text, prompt or target at the
    same place, `StoreError` when it cannot be written.
    """
    file, name = Path(file), name or Path(file).stem
    checked = check(file, format, columns)
    folder = Path(out) if out else Path("runs") / name
    new = asyncio.run(_write(checked, format, name, folder))
    return Imported(folder, checked.rows, new, checked.empty, len(checked.tasks), len(checked.conditions))


async def _write(checked: ImportCheck, format: Format, name: str, folder: Path) -> int:
    store = Store.open(folder)
    try:
        before = len(store.known)
        meta = store.meta()
        seed: int = meta.get("seed", secrets.randbits(63))
        _check_folder(checked, meta, folder)
        _check_texts(checked, format, name, seed, folder)
        store.set_meta(_facts(checked, meta, name, seed))
        store.set_conditions([(condition, levels, {}) for condition, levels in checked.conditions.items()])
        chunk: list[Rollout] = []
        for rollout in _rollouts(checked, format, name, seed):
            if rollout.key not in store.known:
                chunk.append(rollout)
            if len(chunk) == _CHUNK:
                await _finish(store, chunk)
        await _finish(store, chunk)
        return len(store.known) - before
    finally:
        store.close()


async def _finish(store: Store, chunk: list[Rollout]) -> None:
    async with asyncio.TaskGroup() as group:
        for rollout in chunk:
            group.create_task(store.finish(rollout))
    chunk.clear()


def _rollouts(checked: ImportCheck, format: Format, name: str, seed: int) -> Iterator[Rollout]:
    checked.counted.clear()
    for _, row in rows(checked.findings.file, format):
        if isinstance(row, Mistake):
            continue
        entry = text(row, checked.columns)
        draw, status = checked.draw(entry), "delivered" if entry.output is not None else "incomplete"
        key = digest("imported", entry.task, entry.levels, draw, entry.output)
        yield Rollout(key, name, entry.task, entry.condition, draw, seed, status, entry.output, "imported")


def _check_folder(checked: ImportCheck, meta: Mapping[str, Any], folder: Path) -> None:
    """Raises `MismatchError` when the run there is another experiment."""
    place = folder / DATABASE
    if "tree" in meta:
        raise MismatchError(f"{place}: this run was made from a scenario; import into another folder with --out")
    factors = meta.get("factors")
    if factors is not None and tuple(factors) != tuple(checked.columns.factors):
        old, new = (", ".join(names) or "none" for names in (factors, checked.columns.factors))
        raise MismatchError(
            f"{place}: the run's factors are {old}, but the file's factors are {new}; use --out for another folder"
        )
    named = checked.columns.draw is not None
    if meta.get("draws_named", named) != named:
        right = "leave out --draw" if named else "name the column with --draw"
        wrong = "are numbered by the order of rows" if named else "are named by a column"
        raise MismatchError(f"{place}: the run's draws {wrong}; {right}, or use --out for another folder")
    changed: list[str] = []
    for task in tasks_of(meta).values():
        now = checked.tasks.get(task.id, task)
        pairs = (
            ("prompt", task.prompt, now.prompt),
            ("target", task.target, now.target),
            ("cluster", task.fields, now.fields),
        )
        changed += [f"{n} of task {line(task.id)}: was {_short(a)}, is {_short(b)}" for n, a, b in pairs if a != b]
    _refuse(place, changed)


def _check_texts(checked: ImportCheck, format: Format, name: str, seed: int, folder: Path) -> None:
    """Raises `MismatchError` when a text that is there already would change."""
    with closing(read(folder)) as connection:
        rows = connection.execute("SELECT task, condition, draw, key FROM rollouts WHERE kind = 'rollout'")
        known = {(task, condition, draw): key for task, condition, draw, key in rows}
    if not known:
        return
    _refuse(
        folder / DATABASE,
        [
            f"task {line(rollout.task)}, {line(rollout.condition)}, draw {rollout.draw}: the text differs from "
            f"the one already in the run"
            for rollout in _rollouts(checked, format, name, seed)
            if known.get((rollout.task, rollout.condition, rollout.draw), rollout.key) != rollout.key
        ],
    )


def _refuse(place: Path, changed: list[str]) -> None:
    advice = "You may add rows, but not change them; use --out for another folder, or name the draw column with --draw."
    refuse(changed, f"{place}: these texts differ from those in the run:", advice)


def _facts(checked: ImportCheck, old: Mapping[str, Any], name: str, seed: int) -> dict[str, Any]:
    """What a run records of itself, as far as an import knows it."""
    factors: dict[str, list[str]] = {factor: list(levels) for factor, levels in old.get("factors", {}).items()}
    for levels in checked.conditions.values():
        for factor, level in levels.items():
            known = factors.setdefault(factor, [])
            if level not in known:
                known.append(level)
    return {
        "name": old.get("name", name),
        "about": old.get("about", ""),
        "factors": factors,
        "draws": max(checked.draws, old.get("draws", 0)),
        "draws_named": checked.columns.draw is not None,
        "tasks": list({**tasks_of(old), **checked.tasks}.values()),
        "measures": old.get("measures", []),
        "judges": old.get("judges", {}),
        "traits": old.get("traits", {}),
        "cluster": checked.columns.cluster or old.get("cluster"),
        "seed": seed,
        "created": old.get("created", datetime.now(UTC).isoformat(timespec="seconds")),
        "versions": {"agentlab": version("agentlab"), "python": platform.python_version()},
        "imported": list(dict.fromkeys([*old.get("imported", []), checked.findings.file.name])),
    }


def _short(value: object) -> str:
    return line(repr(value), 60)
