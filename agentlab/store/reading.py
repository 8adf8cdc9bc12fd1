"""Opens a run's file to read it: while it is written, from a read-only disk, or after a kill."""

import logging
import sqlite3
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from agentlab.errors import StoreError
from agentlab.store.formats import known
from agentlab.store.lock import held
from agentlab.store.pages import TextReader, unpacked
from agentlab.suggestion import suggest

log = logging.getLogger(__name__)
DATABASE, LOG = "run.db", "run.db-wal"
UNFINISHED = (None, "cancelled", "infrastructure")
"""Stored statuses that the same command tries again."""
_WAL = 2
"""Bytes 18 and 19 of the file while the last commits may be in the write-ahead log. A closed run has 1 there."""


def find(run: str) -> Path:
    """The folder of a run, by its path or by its name under `runs/`. Raises `StoreError` when there is none."""
    for folder in (Path(run), Path("runs") / run):
        if (folder / DATABASE).is_file():
            return folder
    runs = sorted(path.parent.name for path in Path("runs").glob(f"*/{DATABASE}"))
    known_runs = suggest(run, runs) if runs else "runs/ has none"
    raise StoreError(f"no run {run!r}, neither as a folder nor under runs/; {known_runs}")


def read(folder: Path) -> sqlite3.Connection:
    """A read-only connection to the run in `folder`, which may be running.

    Raises `StoreError` when there is none or it is damaged, and `MismatchError` when it has another format. Warns when
    the run was not closed and its write-ahead log is not there.
    """
    path = folder / DATABASE
    if not path.is_file():
        raise StoreError(f"{folder}: this is not a run (it has no {DATABASE}); `agentlab run` makes run folders")
    lost_log = _lost_log(folder)
    try:
        connection = connected(path)
    except sqlite3.Error as error:
        raise damaged(folder, error) from error
    try:
        if not known(connection, folder):
            raise StoreError(
                lost_log or f"{folder}: there is no run here yet ({DATABASE} is empty); `agentlab run` makes it"
            )
    except sqlite3.Error as error:
        connection.close()
        raise damaged(folder, error) from error
    except BaseException:
        connection.close()
        raise
    if lost_log:
        _note(lost_log)
    return connection


def connected(path: Path) -> sqlite3.Connection:
    """A read-only connection that has read the file. Raises `sqlite3.Error`.

    On a read-only disk SQLite cannot make the files that it puts beside a database in use. Without a write-ahead log
    the file is complete and is read without them. SQL on the connection may use `log_text(place)`, and
    `sqlar_uncompress(data, size)`, which the views need and the `sqlite3` shell has.
    """
    try:
        _, connection = _opened(path)
    except UnicodeDecodeError as error:  # SQLite's message quotes the damage
        raise sqlite3.DatabaseError("malformed database schema") from error
    with_texts(connection)
    return connection


def with_texts(connection: sqlite3.Connection) -> None:
    """Lets SQL on this connection read texts."""
    connection.create_function("log_text", 1, TextReader(connection).text)
    connection.create_function("sqlar_uncompress", 2, _uncompressed, deterministic=True)


def _uncompressed(data: bytes, size: int) -> bytes:
    return unpacked(size, data)


def location(path: Path) -> str:
    """The URI by which SQLite can read the file. Raises `sqlite3.Error`."""
    uri, connection = _opened(path)
    connection.close()
    return uri


def _opened(path: Path) -> tuple[str, sqlite3.Connection]:
    """The URI by which the file can be read, and a connection."""
    uri = f"file:{quote(str(path))}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, timeout=30.0)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        connection.close()
        beside = path.with_name(LOG)
        if beside.exists() and beside.stat().st_size:
            raise
        uri = f"{uri}&immutable=1"
        connection = sqlite3.connect(uri, uri=True)
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    return uri, connection


def decoded(text: str, folder: Path) -> Any:
    """The value of JSON that the run recorded of itself. Raises `StoreError` when it is damaged."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise damaged(folder, error) from error


def damaged(folder: Path, error: Exception) -> StoreError:
    """The error for a file that SQLite cannot read."""
    return StoreError(
        f"{folder / DATABASE}: the file is damaged, or is not the file of a run ({error}); `agentlab doctor "
        f"{folder}` shows what can be read and copies it to a new run"
    )


def closed(folder: Path) -> bool:
    """Whether the command that wrote last has closed the run's file, or has not begun to write it."""
    with (folder / DATABASE).open("rb") as file:
        header = file.read(20)
    return len(header) < 20 or header[18] != _WAL


@cache
def _note(message: str) -> None:
    """Logs a warning once."""
    log.warning("%s", message)


def _lost_log(folder: Path) -> str:
    """The warning for a run that was not closed and has no write-ahead log; empty for any other."""
    if closed(folder) or (folder / LOG).exists() or held(folder):
        return ""
    return (
        f"{folder}: this run was not closed, and its write-ahead log {LOG} is missing beside {DATABASE}: the last "
        f"commits are missing. If the run was copied, copy {LOG} too; otherwise, the same `agentlab run` command "
        f"redoes the missing work"
    )
