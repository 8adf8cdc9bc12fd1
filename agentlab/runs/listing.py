"""The runs of a folder, newest first, by what each records of itself; no row of a closed run is read."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from agentlab.errors import AgentlabError, MismatchError, StoreError
from agentlab.experiment import asked
from agentlab.store import DATABASE, UNFINISHED, closed, decoded, held, read
from agentlab.store.totals import TOTALS, totals

RunState = Literal["running", "finished", "stopped", "other format", "damaged"]
_KEYS = ("name", "created", "draws", "measures", "loop", "asked", TOTALS)


@dataclass(frozen=True, slots=True)
class ListedRun:
    """One run folder. What a run of another format or a damaged one does not tell is None; `problem` says why."""

    run: str
    """The folder's name."""
    folder: Path
    state: RunState
    """`running`: a process works on it now; `stopped`: less is played or judged than was asked for; `other
    format`: another version of agentlab made it."""
    scenario: str | None = None
    created: str | None = None
    """ISO 8601, UTC."""
    done: int | None = None
    """Rollouts that ended in a way that no command tries again; forks are left out."""
    planned: int | None = None
    """The rollouts that the commands so far asked for; of imported texts, those that are there."""
    failed: int | None = None
    """Rollouts that the same command tries again."""
    calls: int | None = None
    cost: float | None = None
    """US dollars of all calls; None where a price is unknown, too."""
    problem: str = ""


def listed(folder: Path = Path("runs")) -> list[ListedRun]:
    """Every run in the folder, newest first; those that do not say when they were made come last.

    Raises `StoreError` when there is no such folder.
    """
    if not folder.is_dir():
        raise StoreError(f"folder {folder} not found; runs are folders in runs/, made by `agentlab run`")
    runs = [listed_run(path.parent) for path in sorted(folder.glob(f"*/{DATABASE}"))]
    return sorted(runs, key=lambda run: run.created or "", reverse=True)


def listed_run(folder: Path) -> ListedRun:
    """One run."""
    try:
        with closing(read(folder)) as connection:
            return _read(connection, folder)
    except MismatchError as error:
        return ListedRun(folder.name, folder, "other format", problem=str(error))
    except (AgentlabError, sqlite3.Error, OSError) as error:
        return ListedRun(folder.name, folder, "damaged", problem=str(error))


def _read(connection: sqlite3.Connection, folder: Path) -> ListedRun:
    marks = ",".join("?" * len(_KEYS))
    rows = connection.execute(f"SELECT key, value FROM meta WHERE key IN ({marks})", _KEYS).fetchall()
    meta: dict[str, Any] = {key: decoded(value, folder) for key, value in rows}
    running = held(folder)
    sums = meta[TOTALS] if TOTALS in meta and not running and closed(folder) else totals(connection)
    statuses: dict[str, int] = sums["statuses"]
    failed = sum(statuses.get(status, 0) for status in UNFINISHED if status)
    done = sum(statuses.values()) - failed - statuses.get("", 0)
    planned = _planned(connection, meta, done)
    judged = sums.get("judged", done) if meta.get("measures") else done
    state: RunState = "running" if running else "finished" if done >= planned and judged >= done else "stopped"
    name, created = meta.get("name"), meta.get("created")
    return ListedRun(folder.name, folder, state, name, created, done, planned, failed, sums["calls"], sums["cost"])


def _planned(connection: sqlite3.Connection, meta: dict[str, Any], done: int) -> int:
    sizes = dict(
        connection.execute(
            "SELECT key, json_array_length(value) FROM meta WHERE key IN ('tasks', 'imported') AND json_valid(value)"
        ).fetchall()
    )
    if "imported" in sizes:
        return done
    if (parts := meta.get("asked")) is not None:
        names = {name for part in parts for name in part["conditions"]}
        return sum(sum(asked.planned(parts, name).values()) for name in names)
    if "loop" in meta:
        return int(meta["loop"]["rollouts"])
    conditions: int = connection.execute("SELECT count(*) FROM conditions").fetchone()[0]
    return conditions * sizes.get("tasks", 0) * int(meta.get("draws", 0))
