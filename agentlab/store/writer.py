"""One thread that writes rows in groups: whatever queued up while the last commit ran goes into the next.

An acknowledgement is given after the commit, never before. A failed commit fails every row of its group and every
later one: nothing half-written stays, and nobody goes on believing that rows are kept.
"""

import asyncio
import os
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain
from queue import SimpleQueue

from msgspec import Struct

from agentlab.errors import StoreError
from agentlab.store.packing import Packer
from agentlab.store.rows import COLUMNS, Row, dump
from agentlab.store.schema import PACKED

_CHUNKS = (256, 128, 64, 32, 16, 8, 4, 2, 1)
"""Rows per statement. A statement gives up the interpreter lock once, however many rows it carries."""
_UPSERT = {
    "call_rows": " ON CONFLICT(rollout, round, actor, k, attempt) DO UPDATE SET tool_results = excluded.tool_results",
    "meta": " ON CONFLICT(key) DO UPDATE SET value = excluded.value",
    "labels": " ON CONFLICT(rollout, measure, rater) DO NOTHING",
    "verdict_rows": " ON CONFLICT(rollout, sort) DO UPDATE SET outcome = excluded.outcome, "
    "value = excluded.value, label = excluded.label, reason = excluded.reason, call = excluded.call, "
    "mass = excluded.mass",
    "rollouts": " ON CONFLICT(key) DO UPDATE SET attempt = excluded.attempt, status = excluded.status, "
    "output = excluded.output, output_via = excluded.output_via, cut = excluded.cut, error = excluded.error, "
    "finished = excluded.finished, weight = excluded.weight, chosen = excluded.chosen, about = excluded.about, "
    "of = excluded.of, "
    "budget = excluded.budget, spent = excluded.spent, steps = excluded.steps",
}
_COLUMNS = {**COLUMNS, **PACKED}
_GROUP = 4000
"""Items of one transaction, more or less."""
_TOGETHER = 32
"""Items that the thread is given at once at most, so that it writes while the event loop goes on."""


class Batch(Struct, frozen=True):
    """Rows by table, committed together; first go messages, verdicts and labels of the rollouts in `replace`."""

    rows: Sequence[tuple[str, Row]]
    replace: Sequence[int] = ()


_Item = tuple[Batch, "asyncio.Future[None] | None"]


class Writer:
    """Owns the one connection that writes. `put` from the event loop's thread only."""

    def __init__(self, path: str, loop: asyncio.AbstractEventLoop) -> None:
        self._path, self._loop = path, loop
        self._queue: SimpleQueue[list[_Item] | None] = SimpleQueue()
        self._handed: list[_Item] = []
        self._failure: StoreError | None = None
        self._file: tuple[int, int] | None = None
        self.used = False
        """Whether it was given anything to write."""
        self._thread = threading.Thread(target=self._work, name="agentlab-store", daemon=True)
        self._thread.start()

    def put(self, batch: Batch) -> None:
        """Queues rows that need no acknowledgement of their own; a failure shows at the next `commit`."""
        self._hand((batch, None))

    def commit(self, batch: Batch) -> "asyncio.Future[None]":
        """Queues rows; done once they are committed, or with a `StoreError` when they are not."""
        future: asyncio.Future[None] = asyncio.Future(loop=self._loop)
        if self._failure:
            _fail(future, self._failure)
        else:
            self._hand((batch, future))
        return future

    def _hand(self, item: _Item) -> None:
        """To the thread together with what else this round of the event loop has to write: waking it is dear."""
        self.used = True
        if not self._handed:
            self._loop.call_soon(self._pass_on)
        self._handed.append(item)
        if len(self._handed) >= _TOGETHER:
            self._pass_on()

    def _pass_on(self) -> None:
        if self._handed:
            self._queue.put(self._handed)
            self._handed = []

    def close(self) -> None:
        """Writes what is queued and joins the thread."""
        self._pass_on()
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        opened, open_ = self._opened(), True
        while open_:
            group: list[_Item] = []
            handed = self._queue.get()
            while handed is not None:
                group += handed
                if len(group) >= _GROUP or self._queue.empty():
                    break
                handed = self._queue.get()
            open_ = handed is not None
            if opened is not None and self._failure is None:
                batches = [batch for batch, _ in group]
                self._failure = self._gone() or _write(*opened, batches, self._path, not open_)
            futures = [future for _, future in group if future is not None]
            if futures and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(_settle, futures, self._failure)
        if opened is not None:
            opened[0].close()

    def _gone(self) -> StoreError | None:
        """Why nothing more is kept where the file was deleted or replaced: the connection would write to what nobody
        can open any more."""
        if _place(self._path) == self._file:
            return None
        return StoreError(
            f"{self._path}: the run's file was deleted, moved or replaced during the run. Work after the last commit "
            f"is lost; put the file back and run the same command again, or use --out for a fresh folder."
        )

    def _opened(self) -> tuple[sqlite3.Connection, Packer] | None:
        """The connection, and what packs rows for it; None, and every commit fails, where there can be none."""
        try:
            connection = connect(self._path)
            self._file = _place(self._path)
            return connection, Packer(connection)
        except Exception as error:  # a damaged file; those who wait for a commit are told
            self._failure = _failed(self._path, error)
            return None


def _place(path: str) -> tuple[int, int] | None:
    """What tells the file at `path` from every other; None where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def connect(path: str) -> sqlite3.Connection:
    """A connection set up as every writer of a run needs it."""
    connection = sqlite3.connect(path, isolation_level=None, cached_statements=128, timeout=30.0)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA journal_size_limit = 67108864")
    return connection


def _write(
    connection: sqlite3.Connection, packer: Packer, batches: Sequence[Batch], path: str, last: bool = False
) -> StoreError | None:
    rows: dict[str, list[Row]] = {}
    for batch in batches:
        for table, row in batch.rows:
            rows.setdefault(table, []).append(row)
    replaced = [rollout for batch in batches for rollout in batch.replace]
    try:
        connection.execute("BEGIN IMMEDIATE")
        for table in ("message_rows", "verdict_rows", "labels") if replaced else ():
            those = "rollout IN (SELECT value FROM json_each(?))"
            connection.execute(f"DELETE FROM {table} WHERE {those}", (dump(replaced),))
        store(connection, packer, rows, last)
        packer.forget(replaced)
        connection.execute("COMMIT")
    except Exception as error:  # whatever it is, those who wait for the commit are told
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        return _failed(path, error)
    return None


def _failed(path: str, error: Exception) -> StoreError:
    if isinstance(error, sqlite3.IntegrityError):
        return StoreError(
            f"{path}: the run already has a rollout of this condition, task and draw, with a different identity "
            f"({error}). It was not overwritten; use --new or --out for a fresh run folder."
        )
    busy = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
    right = "close the other program that writes to it" if busy else "free space or make the folder writable"
    return StoreError(
        f"{path}: cannot write the run ({error}). Work after the last commit is lost; {right}, then run the same "
        f"command again to continue."
    )


def store(
    connection: sqlite3.Connection, packer: Packer, tables: Mapping[str, Sequence[Row]], last: bool = False
) -> None:
    """Inserts rows by table, as `rows` makes them, within a transaction. After the `last` ones every page is full."""
    for table, rows in tables.items():
        _insert(connection, *packer.packed(table, rows))
    for table, rows in packer.numbered():
        _insert(connection, table, rows)
    replaced, pages = packer.pages(last)
    if replaced is not None:
        connection.execute("DELETE FROM pages WHERE start >= ?", (replaced,))
    _insert(connection, "pages", pages)


def _insert(connection: sqlite3.Connection, table: str, rows: Sequence[Row]) -> None:
    """Inserts rows in as few statements as their number allows; a row that is there already is updated.

    Columns without any value are left out: `sqlite3` takes longer over a None than over a number or a text.
    """
    named = zip(_COLUMNS[table], zip(*rows, strict=True), strict=False)
    filled = {name: values for name, values in named if values[0] is not None or values.count(None) < len(rows)}
    parameters, done = [*chain.from_iterable(zip(*filled.values(), strict=True))], 0
    for size in _CHUNKS:
        while len(rows) - done >= size:
            part = parameters[done * len(filled) : (done + size) * len(filled)]
            connection.execute(_insertion(table, tuple(filled), size), part)
            done += size


@lru_cache(maxsize=256)
def _insertion(table: str, columns: tuple[str, ...], rows: int) -> str:
    values = ",".join([f"({','.join('?' * len(columns))})"] * rows)
    return f"INSERT INTO {table} ({','.join(columns)}) VALUES {values}{_UPSERT.get(table, '')}"


def _settle(futures: Sequence["asyncio.Future[None]"], failure: StoreError | None) -> None:
    for future in futures:
        if future.done():
            continue
        if failure is None:
            future.set_result(None)
        else:
            _fail(future, failure)


def _fail(future: "asyncio.Future[None]", failure: StoreError) -> None:
    future.set_exception(failure)
    future.exception()  # a round ends at its first failed commit, and asyncio would complain of the others
