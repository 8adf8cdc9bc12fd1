"""Finds what can be read of a damaged run's file, to report it or copy it to a new run."""

import os
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentlab.errors import StoreError
from agentlab.store.formats import prepare
from agentlab.store.pages import TextReader, readable
from agentlab.store.reading import DATABASE, connected
from agentlab.store.rows import COLUMNS
from agentlab.store.schema import LOSSES, PACKED
from agentlab.store.totals import TOTALS

_STORED = {
    table: columns for table, columns in {**COLUMNS, **PACKED}.items() if table not in ("calls", "messages", "verdicts")
}
TABLES = {"meta": 2, "conditions": 3, **{table: len(columns) for table, columns in _STORED.items()}}
"""Tables of a run, and how many columns each has."""
_KIND = COLUMNS["rollouts"].index("kind")
_DAMAGE = (sqlite3.Error, UnicodeDecodeError)
"""What reading a damaged file raises; the second is for the name of a column."""
MOST = 5
"""Most problems of SQLite's own check that are reported."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a run's file holds."""

    problems: tuple[str, ...]
    """In the words of SQLite; empty for a sound file."""
    rows: dict[str, int]
    """Rows that can be read, by table."""
    kinds: dict[str, int]
    """Rows of rollouts by kind; `agentlab list` counts those of kind `rollout`."""
    lost: tuple[str, ...]
    """Tables that cannot be read to their end, or not at all."""


def examine(folder: Path) -> Finding:
    """The state of the run in `folder`. Raises `StoreError` when there is no file."""
    if not (folder / DATABASE).is_file():
        raise StoreError(f"{folder}: this is not a run (it has no {DATABASE})")
    with ExitStack() as stack:
        try:
            connection = stack.enter_context(_opened(folder / DATABASE))
        except sqlite3.Error as error:
            return Finding((str(error),), dict.fromkeys(map(_said, TABLES), 0), {}, tuple(map(_said, TABLES)))
        problems = [*_checked(connection), *_losses(connection)]
        scans = {table: _Scan(connection, table) for table in TABLES}
        kinds = Counter(str(row[_KIND]) for row in scans["rollouts"])
        counts = {table: sum(1 for _ in scan) for table, scan in scans.items() if table != "rollouts"}
        counts["rollouts"] = kinds.total()
        rows = {_said(table): counts[table] for table in TABLES}
    problems += [f"a page of texts, at byte {start}, cannot be read" for start in scans["pages"].unreadable[:MOST]]
    lost = tuple(_said(table) for table, scan in scans.items() if scan.error or scan.unreadable)
    return Finding(tuple(problems), rows, dict(kinds), lost)


def rescue(folder: Path, into: Path) -> dict[str, int]:
    """Copies every row that can be read to a new run in `into`; returns how many, by table.

    Raises `StoreError` where `into` has a run, or nothing can be read.
    """
    if (into / DATABASE).exists():
        raise StoreError(f"{into}: a run already exists here; name a folder without one")
    try:
        into.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{into}: cannot be made ({error.strerror}); name another folder") from error
    with ExitStack() as stack:
        try:
            source = stack.enter_context(_opened(folder / DATABASE))
        except sqlite3.Error as error:
            raise StoreError(f"{folder / DATABASE}: nothing can be read ({error}); restore it from a copy") from error
        target = stack.enter_context(closing(sqlite3.connect(into / DATABASE, isolation_level=None)))
        prepare(target)
        target.execute("BEGIN")
        for table, width in TABLES.items():
            sql = f"INSERT OR IGNORE INTO {table} VALUES ({','.join('?' * width)})"
            target.executemany(sql, (row for row in _Scan(source, table) if len(row) == width))
        _with_losses(target)
        for loss in LOSSES:
            target.execute(loss.mended())
        target.execute("DELETE FROM meta WHERE key = ?", (TOTALS,))
        copied = {_said(table): target.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}
        target.execute("COMMIT")
    return copied


def _said(table: str) -> str:
    """What a table holds: calls, not rows of calls."""
    return {"call_rows": "calls", "message_rows": "messages", "verdict_rows": "verdicts"}.get(table, table)


@contextmanager
def _opened(path: Path) -> Generator[sqlite3.Connection]:
    """A connection to read it. A file that was cut short is first copied and filled up, or SQLite would not read it."""
    with tempfile.TemporaryDirectory() as folder:
        if path.stat().st_size < (size := _size(path)):
            path = Path(shutil.copy(path, folder))
            os.truncate(path, size)
        with closing(connected(path)) as connection:
            connection.text_factory = _text
            yield connection


def _size(path: Path) -> int:
    """How large the file is by its own header: bytes of a page times their number."""
    with path.open("rb") as file:
        header = file.read(32)
    page = int.from_bytes(header[16:18], "big")
    return (65536 if page == 1 else page) * int.from_bytes(header[28:32], "big") if header[:6] == b"SQLite" else 0


class _Scan:
    """The rows of a table that can be read: from the front to the damage, then from the back to it."""

    def __init__(self, connection: sqlite3.Connection, table: str) -> None:
        self.connection, self.table = connection, table
        self.error = ""
        self.unreadable: list[int] = []
        """First bytes of pages whose texts are damaged; they are left out."""

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        for row in self._rows():
            if self.table != "pages" or readable(*row):
                yield row
            else:
                self.unreadable.append(row[0])

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        last = -1
        try:
            for rowid, *row in self.connection.execute(f"SELECT rowid, * FROM {self.table} ORDER BY rowid"):
                last = rowid
                yield tuple(row)
            return
        except _DAMAGE as error:
            self.error = str(error)
        with suppress(*_DAMAGE):
            sql = f"SELECT rowid, * FROM {self.table} WHERE rowid > ? ORDER BY rowid DESC"
            for _, *row in self.connection.execute(sql, (last,)):
                yield tuple(row)


def _losses(connection: sqlite3.Connection) -> Iterator[str]:
    """Rows that lack what they refer to; SQLite's own check does not look at that."""
    _with_losses(connection)
    for loss in LOSSES:
        with suppress(*_DAMAGE):  # the table itself is damaged, which is told of it
            if count := connection.execute(loss.count()).fetchone()[0]:
                yield f"{loss.what}: {count}"


def _with_losses(connection: sqlite3.Connection) -> None:
    """Lets SQL on this connection ask whether a text is lost."""
    text = TextReader(connection).text

    def lost(place: Any) -> bool:
        try:
            text(place)
        except _DAMAGE:
            return True
        return False

    connection.create_function("log_lost", 1, lost)


def _checked(connection: sqlite3.Connection) -> list[str]:
    try:
        messages = [str(row[0]) for row in connection.execute(f"PRAGMA integrity_check({MOST})")]
    except sqlite3.Error as error:
        return [str(error)]
    return [] if messages == ["ok"] else messages


def _text(raw: bytes) -> str:
    """Text that is no UTF-8 is kept as far as it can be read."""
    return raw.decode("utf-8", "replace")
