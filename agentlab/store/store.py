"""A run folder: one SQLite file to append to, read from and resume, held by one process at a time."""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import IO, Any

from msgspec import Struct

from agentlab.engine.cut import Cut
from agentlab.errors import StoreError
from agentlab.models.cost import Cost
from agentlab.store import ancestry, totals
from agentlab.store.formats import known, prepare
from agentlab.store.lock import hold, release
from agentlab.store.looks import looks
from agentlab.store.reading import DATABASE, UNFINISHED, closed, connected, damaged, decoded, with_texts
from agentlab.store.rows import (
    call_fact,
    call_row,
    dump,
    message_row,
    rollout_fact,
    rollout_row,
    verdict_fact,
    verdict_row,
)
from agentlab.store.schema import READ_CALLS, READ_VERDICTS
from agentlab.store.writer import Batch, Writer, connect
from agentlab.types import Call, CallPlace, Rollout, RolloutKind, Verdict

JudgeDraws = frozenset[tuple[str, int]]
"""Judges by name, each with a draw, from 0."""
NO_DRAWS: JudgeDraws = frozenset()


class Known(Struct, frozen=True, gc=False):
    """A rollout that the run already has. `status` is None while it is unfinished."""

    id: int
    status: str | None
    attempt: int


class Store:
    """Writes and resumes one run. Made by `Store.open`; close it to release the folder."""

    def __init__(self, folder: Path, lock: IO[str], reader: sqlite3.Connection, summed: bool = False) -> None:
        """`summed`: whether the command that wrote last has closed the run, which records its totals."""
        self.folder = folder
        self._lock, self._reader = lock, reader
        self._writer = Writer(str(folder / DATABASE), asyncio.get_running_loop())
        rows = reader.execute("SELECT key, id, status, attempt FROM rollouts")
        self.known = {key: Known(id, status, attempt) for key, id, status, attempt in rows}
        self._summed = totals.basis(reader) if summed else None
        """What the recorded totals rest on besides rows; None where they may be wrong."""
        self._next = 1 + (reader.execute("SELECT max(id) FROM rollouts").fetchone()[0] or 0)

    @classmethod
    def open(cls, folder: Path) -> "Store":
        """Opens the run in `folder`, or makes it.

        Raises `MismatchError` when another process holds it (naming its pid) or it has another format, and
        `StoreError` when it cannot be written.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            summed = (folder / DATABASE).is_file() and closed(folder)
            if (folder / DATABASE).is_file():
                with closing(connected(folder / DATABASE)) as before:
                    known(before, folder)  # a file of another format is left as it is, to the byte
            lock = hold(folder)
            connection = connect(str(folder / DATABASE))
            prepare(connection)
            with_texts(connection)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"{folder}: cannot be used as a run folder ({error}); choose another with --out"
            ) from error
        return cls(folder, lock, connection, summed)

    def close(self) -> None:
        """Commits what is queued, records totals, merges the write-ahead log into the file, and releases the folder.

        A journal mode without a log leaves one file, which can be read from a read-only disk, too.
        """
        self._writer.close()
        with suppress(sqlite3.Error):  # a reader is still looking, or the disk is full: it is folded in next time
            if self._summed is None or self._writer.used or totals.basis(self._reader) != self._summed:
                totals.record(self._reader)
            self._reader.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._reader.execute("PRAGMA journal_mode = DELETE")
        self._reader.close()
        release(self.folder, self._lock)

    def meta(self) -> dict[str, Any]:
        """Everything the run recorded about itself, with the `looks` at its outcomes."""
        rows = self._reader.execute("SELECT key, value FROM meta")
        meta = {key: decoded(value, self.folder) for key, value in rows}
        return meta | {"looks": looks(self.folder, meta.get("looks", ()))}

    def set_meta(self, values: Mapping[str, Any]) -> None:
        """Records facts about the run, replacing those of the same name. Before the first rollout only."""
        rows = [(key, dump(value)) for key, value in values.items()]
        self._execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", rows)

    def add_meta(self, values: Mapping[str, Any]) -> None:
        """Does the same at any time; the next commit raises if this fails."""
        self._writer.put(Batch([("meta", (key, dump(value))) for key, value in values.items()]))

    def set_conditions(self, rows: Sequence[tuple[str, Mapping[str, str], Mapping[str, Any]]]) -> None:
        """Records conditions: name, level by factor, and facts."""
        encoded = [(name, dump(levels), dump(facts)) for name, levels, facts in rows]
        self._execute("INSERT OR REPLACE INTO conditions VALUES (?, ?, ?)", encoded)

    def conditions(self) -> dict[str, dict[str, Any]]:
        """The recorded facts of every condition, by name."""
        rows = self._reader.execute("SELECT name, facts FROM conditions")
        return {name: decoded(facts, self.folder) for name, facts in rows}

    def levels(self) -> dict[str, dict[str, str]]:
        """The level of every condition by factor, by the condition's name."""
        rows = self._reader.execute("SELECT name, levels FROM conditions")
        return {name: decoded(levels, self.folder) for name, levels in rows}

    def forget(self, judges: Sequence[str], tasks: Sequence[str]) -> int:
        """Deletes the verdicts of these judges on these tasks; returns how many. Before the first rollout only."""
        rollouts = "SELECT id FROM rollouts WHERE task = ? AND kind != 'anchor'"
        which = f"sort IN (SELECT id FROM verdict_sorts WHERE judge = ?) AND rollout IN ({rollouts})"
        before = self._reader.total_changes
        self.write(f"DELETE FROM verdict_rows WHERE {which}", [(judge, task) for judge in judges for task in tasks])
        return self._reader.total_changes - before

    def begin(self, rollout: Rollout) -> None:
        """Gives the rollout its row, with no status yet, unless it has one."""
        if rollout.key not in self.known:
            id, self._next = self._next, self._next + 1
            self.known[rollout.key] = Known(id, None, rollout.attempt)
            self._writer.put(Batch([("rollouts", rollout_row(id, rollout, None, time.time()))]))

    async def note(self, rollout: Rollout) -> None:
        """Commits the row of a rollout that has not ended."""
        id = self.known[rollout.key].id
        await self._writer.commit(Batch([("rollouts", rollout_row(id, rollout, None, time.time()))]))

    def record(self, rollout: str, call: Call) -> Awaitable[None]:
        """Commits one call. The same identity again stores its tool results."""
        return self._writer.commit(Batch([("calls", call_row(self.known[rollout].id, call))]))

    async def finish(self, rollout: Rollout) -> None:
        """Commits the rollout's end with its messages; deletes messages, verdicts and labels of an earlier attempt."""
        self.begin(rollout)
        id = self.known[rollout.key].id
        rows = [("messages", message_row(id, message)) for message in ancestry.stored_messages(rollout)]
        end = rollout_row(id, rollout, rollout.status, time.time())
        await self._writer.commit(Batch([("rollouts", end), *rows], [id]))
        self.known[rollout.key] = Known(id, rollout.status, rollout.attempt)

    async def judge(self, verdicts: Sequence[Verdict]) -> None:
        """Commits verdicts of one judge draw together."""
        rows = [("verdicts", verdict_row(self.known[v.rollout].id, v)) for v in verdicts]
        await self._writer.commit(Batch(rows))

    async def label(self, rows: Sequence[tuple[str, str, str, float, float]]) -> None:
        """Commits people's labels together: rollout, measure, rater, value, probability. Never replaces a label."""
        await self._writer.commit(Batch([("labels", (self.known[key].id, *rest)) for key, *rest in rows]))

    def recorded(self, rollout: str, inherited: bool = True) -> dict[CallPlace, Call]:
        """The calls of the rollout that succeeded, by place; the latest attempt where there are several.

        For a fork, also those of its parent that it keeps, if `inherited`.
        """
        inherited_calls = ancestry.kept_by(self._reader, self._row(rollout)) if inherited else []
        calls = [*inherited_calls, *self._calls(rollout)]
        return {(c.actor, c.round, c.k): c for c in calls if c.error is None}

    def kept(self, parent: str, cut: Cut) -> list[Call]:
        """The calls that a fork of `parent` at this cut does not make again, in order."""
        return ancestry.kept(self._reader, parent, cut)

    def line(self, key: str) -> list[ancestry.Ancestor]:
        """The rollout, its parent, and so on up to a rollout that is no fork."""
        return ancestry.line(self._reader, key)

    def failed_attempts(self, rollout: str, judges: bool) -> dict[str, int]:
        """The highest attempt that failed, by actor: of the judges, or of those whose calls are the rollout's own."""
        calls = (call for call in self._calls(rollout) if (call.purpose == "judge") == judges)
        failed = [call for call in calls if call.error is not None]
        return {call.actor: max(c.attempt for c in failed if c.actor == call.actor) for call in failed}

    def final(self, key: str) -> bool:
        """Whether the rollout ended in a way that no later command tries again; a limit may still be raised."""
        known = self.known.get(key)
        return known is not None and known.status not in UNFINISHED

    def use(self, key: str) -> list[Call]:
        """Every call that the rollout is charged for: also failed calls and calls of earlier attempts, never a judge's.

        Calls of the particles of its population are included.
        """
        sql = "SELECT coalesce(steps, 9e9) FROM rollouts WHERE id = ?"
        last = self._reader.execute(sql, (self.known[key].id,)).fetchone()[0]
        particles = self._reader.execute("SELECT key FROM rollouts WHERE population = ? ORDER BY id", (key,)).fetchall()
        calls = (call for name in (key, *(name for (name,) in particles)) for call in self._calls(name))
        return [call for call in calls if call.round <= last and call.purpose != "judge"]

    def spent(self, key: str) -> float:
        """US dollars of every call of the rollout, its judges and the particles of its population; 0 where unknown."""
        those = "SELECT id FROM rollouts WHERE key = ? UNION SELECT id FROM rollouts WHERE population = ?"
        sql = f"SELECT total(cost) FROM call_rows WHERE rollout IN ({those})"
        return float(self._reader.execute(sql, (key, key)).fetchone()[0])

    def about(self, key: str) -> dict[str, Any]:
        """The rollout's `about`, whether it is finished or not; empty if it has none."""
        row = self._reader.execute("SELECT about FROM rollouts WHERE id = ?", (self.known[key].id,)).fetchone()
        return decoded(row[0], self.folder) if row and row[0] else {}

    def reopen(self, key: str) -> None:
        """Makes an ended rollout unfinished, so that it continues as a new attempt. Before the first rollout only."""
        if self.final(key):
            known = self.known[key]
            self.write("UPDATE rollouts SET status = NULL, attempt = ? WHERE id = ?", [(known.attempt + 1, known.id)])
            self.known[key] = Known(known.id, None, known.attempt + 1)

    def rollout(self, key: str) -> Rollout:
        """A finished rollout with its messages, without its calls."""
        row = self._row(key)
        return rollout_fact(row, ancestry.messages(self._reader, row))

    def rollouts(self, *more: RolloutKind) -> Iterator[Rollout]:
        """Every rollout, finished or not, without messages and calls; also those of the kinds `more`, such as forks."""
        which = ", ".join(f"'{kind}'" for kind in ("rollout", *more))
        rows = self._reader.execute(f"SELECT * FROM rollouts WHERE kind IN ({which}) ORDER BY id").fetchall()
        return (rollout_fact(row, ()) for row in rows)

    def finished(self) -> dict[str, int]:
        """By condition, its rollouts that ended in a way that no later command tries again; forks are not counted."""
        sql = "SELECT condition, count(*) FROM rollouts WHERE kind = 'rollout' AND status NOT IN (?, ?) GROUP BY 1"
        return dict(self._reader.execute(sql, UNFINISHED[1:]))

    def draws(self) -> int:
        """How many draws of a task the run has at most."""
        return int(self._reader.execute("SELECT max(draw) FROM rollouts WHERE kind = 'rollout'").fetchone()[0] or 0)

    def judged(self) -> dict[int, JudgeDraws]:
        """By rollout number: judges and draws whose verdicts are final, which is every outcome but `error`."""
        sorts = {str(id): (judge, draw) for id, judge, draw in self.query("SELECT id, judge, draw FROM verdict_sorts")}
        known, final = dict[str, JudgeDraws](), dict[int, JudgeDraws]()
        for id, joined in self._reader.execute("SELECT rollout, group_concat(sort) FROM verdict_rows GROUP BY rollout"):
            if joined not in known:
                numbers = joined.split(",")
                if lost := set(numbers) - set(sorts):
                    raise damaged(self.folder, KeyError(f"no judge of verdicts {', '.join(sorted(lost))}"))
                known[joined] = frozenset(sorts[sort] for sort in numbers)
            final[id] = known[joined]
        failed = "outcome = (SELECT id FROM names WHERE name = 'error')"
        for id, sort in self.query(f"SELECT rollout, sort FROM verdict_rows WHERE {failed}"):
            final[id] -= {sorts[str(sort)]}
        return final

    def verdicts(self, rollout: str) -> list[Verdict]:
        """All verdicts on one rollout."""
        sql = f"{READ_VERDICTS} WHERE rollout = ? ORDER BY number"
        return [verdict_fact(rollout, row) for row in self._reader.execute(sql, (self.known[rollout].id,))]

    def cost(self) -> Cost:
        """What all calls of the run have taken."""
        return totals.cost(self._reader)

    def _row(self, key: str) -> tuple[Any, ...]:
        return self._reader.execute("SELECT * FROM rollouts WHERE id = ?", (self.known[key].id,)).fetchone()

    def _calls(self, rollout: str) -> Iterator[Call]:
        sql = f"{READ_CALLS} WHERE rollout = ? ORDER BY round, actor, k, attempt"
        return (call_fact(row) for row in self._reader.execute(sql, (self.known[rollout].id,)))

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return self._reader.execute(sql).fetchall()

    def write(self, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Runs a statement for each row, at once. No rollout may be in flight."""
        self._summed = None
        self._execute(sql, rows)

    def _execute(self, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
        try:
            self._reader.execute("BEGIN IMMEDIATE")
            with self._reader:  # commits all rows together, so that a kill leaves the run as it was or as it is to be
                self._reader.executemany(sql, rows)
        except sqlite3.Error as error:
            raise StoreError(f"{self.folder / DATABASE}: cannot write the run ({error})") from error
