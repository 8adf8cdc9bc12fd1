"""Rows of messages, calls and verdicts as they are stored: texts in pages, and values that many rows share in rows of
their own.
"""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from agentlab.store.pages import BITS, TextPages
from agentlab.store.rows import Row

_HASH = re.compile(r"2:[0-9a-f]{32}").fullmatch
_JUDGED = 4096
"""Most judgments whose replies are kept in memory until their verdicts come."""
_Said = tuple[str, int]
"""A text and its place."""


class _Numbers:
    """A table in which each distinct row has a number. New rows wait to be stored."""

    def __init__(self, connection: sqlite3.Connection, table: str) -> None:
        self.table = table
        rows = connection.execute(f"SELECT * FROM {table}")
        self._known: dict[Row, int] = {tuple(row[1:]): row[0] for row in rows}
        self._last = max(self._known.values(), default=0)
        self.waiting: list[Row] = []

    def of(self, *row: Any) -> int:
        number = self._known.get(row)
        if number is None:
            number = self._known[row] = self._last = self._last + 1
            self.waiting.append((number, *row))
        return number


class Packer:
    """Turns rows as `rows` makes them into rows as they are stored, for the one thread that writes."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._pages = TextPages(connection)
        self._names, self._call_sorts = _Numbers(connection, "names"), _Numbers(connection, "call_sorts")
        self._message_sorts = _Numbers(connection, "message_sorts")
        self._verdict_sorts = _Numbers(connection, "verdict_sorts")
        self._said: dict[int, dict[tuple[int, str], list[_Said]]] = {}
        """By unfinished rollout, then by round and agent: replies, in which messages are looked for."""
        self._judged: dict[tuple[int, str, int], list[_Said]] = {}
        """By rollout, judge and draw: replies without a verdict so far, in which reasons are looked for."""

    def packed(self, table: str, rows: Sequence[Row]) -> tuple[str, list[Row]]:
        """The name of the table that is written, and its rows."""
        if table == "calls":
            return "call_rows", [self._call(row) for row in rows]
        if table == "messages":
            return "message_rows", [self._message(row) for row in rows]
        if table == "verdicts":
            packed = [self._verdict(row) for row in rows]
            for rollout, judge, draw, *_ in rows:
                self._judged.pop((rollout, judge, draw), None)
            return "verdict_rows", packed
        return table, list(rows)

    def forget(self, rollouts: Sequence[int]) -> None:
        """These rollouts have ended: no more messages come of their calls."""
        for rollout in rollouts:
            self._said.pop(rollout, None)

    def numbered(self) -> Iterator[tuple[str, Sequence[Row]]]:
        """By table: new rows to which the rows packed since the last call refer by number."""
        for numbers in (self._names, self._call_sorts, self._message_sorts, self._verdict_sorts):
            if waiting := numbers.waiting:
                numbers.waiting = []
                yield numbers.table, waiting

    def pages(self, last: bool = False) -> tuple[int | None, list[Row]]:
        """The pages of their texts, as `TextPages.rows` returns them."""
        replaced, rows = self._pages.rows(last)
        return replaced, [*rows]

    def _call(self, row: Row) -> Row:
        (rollout, round, actor, k, attempt, purpose, judge, judge_draw, model, settings, prompt_hash, *rest) = row
        (text, stop, input, output, reasoned, read, written, reasoning, notice, tool_calls, results, *rest) = rest
        logprobs, opaque, served_model, request_id, started, seconds, cost, seeded, tries, error = rest
        add = self._pages.add
        place = None if text is None else add(text)
        if text and place:  # an empty text has no place
            if purpose == "agent":
                self._said.setdefault(rollout, {}).setdefault((round, actor), []).append((text, place))
            elif purpose == "judge":
                self._remember((rollout, judge, judge_draw), (text, place))
        return (
            rollout,
            round,
            self._names.of(actor),
            k,
            attempt,
            self._call_sorts.of(purpose, judge, judge_draw, model, settings, stop, served_model, seeded, tries),
            bytearray.fromhex(prompt_hash[2:]) if _HASH(prompt_hash) else prompt_hash,  # bytes take `sqlite3` longer
            place,
            input,
            output,
            reasoned,
            read,
            written,
            None if reasoning is None else add(reasoning),
            None if notice is None else add(notice),
            None if tool_calls is None else add(tool_calls),
            None if results is None else add(results),
            None if logprobs is None else add(logprobs),
            None if opaque is None else add(opaque),
            request_id,
            started,
            seconds,
            cost,
            error,
        )

    def _remember(self, judged: tuple[int, str, int], said: _Said) -> None:
        """Keeps a reply of a judge, in which reasons may be found."""
        if len(self._judged) > _JUDGED:
            self._judged.clear()
        self._judged.setdefault(judged, []).append(said)

    def _message(self, row: Row) -> Row:
        rollout, idx, round, sender, recipients, kind, content, ref = row
        said = self._said.get(rollout, {}).get((round, sender), ())
        sort = self._message_sorts.of(sender, recipients, kind)
        return (rollout, idx, round, sort, self._place(content, said), self._place(ref, said))

    def _place(self, text: str | None, said: Sequence[_Said]) -> int | None:
        """Of a text, which may be a part of what its author said."""
        return None if text is None else _part(text, said) or self._pages.add(text)

    def _verdict(self, row: Row) -> Row:
        rollout, judge, draw, criterion, outcome, value, label, reason, call, mass = row
        judges_texts = self._judged.get((rollout, judge, draw), ())
        sort = self._verdict_sorts.of(judge, draw, criterion)
        return (rollout, sort, self._names.of(outcome), value, label, self._place(reason, judges_texts), call, mass)


def _part(text: str, said: Sequence[_Said]) -> int | None:
    """The place of a text within its author's replies; None if it is no part of them."""
    for whole, place in said if text else ():
        at = whole.find(text)
        if at >= 0:
            start, size = (at, len(text)) if whole.isascii() else (len(whole[:at].encode()), len(text.encode()))
            return ((place >> BITS) + start) << BITS | size
    return None
