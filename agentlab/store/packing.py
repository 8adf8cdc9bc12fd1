"""Rows of messages, calls and verdicts as they are stored: long texts in pages, and what many rows have in common in a
row of its own.
"""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from agentlab.store.pages import BITS, TextPages
from agentlab.store.rows import Row

_HASH = re.compile(r"2:[0-9a-f]{32}")
_Said = tuple[str, int]
"""A text and its place."""


class _Numbers:
    """A table of different rows, each with a number; what is new waits to be stored."""

    def __init__(self, connection: sqlite3.Connection, table: str) -> None:
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
        tables = ("names", "call_sorts", "message_sorts", "verdict_sorts")
        self._numbers = {name: _Numbers(connection, name) for name in tables}
        self._said: dict[int, dict[tuple[int, str], list[_Said]]] = {}
        """By rollout that has not ended, round and actor: its agents' replies, of which messages are parts."""
        self._judged: dict[tuple[int, str, int], list[_Said]] = {}
        """By rollout, judge and draw: replies of which no verdict was made yet, and of which reasons are parts."""

    def packed(self, table: str, rows: Sequence[Row]) -> tuple[str, list[Row]]:
        """The name of the table that is written, and its rows."""
        if table == "calls":
            return "call_rows", [self._call(*row) for row in rows]
        if table == "messages":
            return "message_rows", [self._message(*row) for row in rows]
        if table == "verdicts":
            made = [self._verdict(*row) for row in rows]
            for rollout, judge, draw, *_ in rows:
                self._judged.pop((rollout, judge, draw), None)
            return "verdict_rows", made
        return table, list(rows)

    def forget(self, rollouts: Sequence[int]) -> None:
        """These rollouts have ended: no more messages come of their calls."""
        for rollout in rollouts:
            self._said.pop(rollout, None)

    def numbered(self) -> Iterator[tuple[str, Sequence[Row]]]:
        """Rows that those packed since refer to by number, by table."""
        for table, numbers in self._numbers.items():
            waiting, numbers.waiting = numbers.waiting, []
            yield table, waiting

    def pages(self, last: bool = False) -> tuple[int, list[Row]]:
        """The pages of their texts: as `TextPages.rows`."""
        replaced, rows = self._pages.rows(last)
        return replaced, [*rows]

    def _text(self, text: str | None) -> int | None:
        return None if text is None else self._pages.add(text)

    def _call(
        self,
        rollout: int,
        round: int,
        actor: str,
        k: int,
        attempt: int,
        purpose: str,
        judge: str | None,
        judge_draw: int | None,
        model: str,
        settings: str,
        prompt_hash: str,
        text: str | None,
        stop: str | None,
        *rest: Any,
    ) -> Row:
        (*tokens, reasoning, notice, tool_calls, tool_results, logprobs, opaque, served, request_id) = rest[:13]
        started, seconds, cost, seeded, tries, error = rest[13:]
        place = self._text(text)
        if text and place is not None and purpose == "agent":
            self._said.setdefault(rollout, {}).setdefault((round, actor), []).append((text, place))
        if text and place is not None and purpose == "judge" and judge is not None and judge_draw is not None:
            self._judged.setdefault((rollout, judge, judge_draw), []).append((text, place))
        return (
            rollout,
            round,
            self._numbers["names"].of(actor),
            k,
            attempt,
            self._numbers["call_sorts"].of(purpose, judge, judge_draw, model, settings, stop, served, seeded, tries),
            bytes.fromhex(prompt_hash[2:]) if _HASH.fullmatch(prompt_hash) else prompt_hash,
            place,
            *tokens,
            *(
                None if t is None else self._pages.add(t)
                for t in (reasoning, notice, tool_calls, tool_results, logprobs, opaque)
            ),
            request_id,
            started,
            seconds,
            cost,
            error,
        )

    def _message(
        self,
        rollout: int,
        idx: int,
        round: int,
        sender: str,
        recipients: str,
        kind: str,
        content: str | None,
        ref: str | None,
    ) -> Row:
        said = self._said.get(rollout, {}).get((round, sender), ())
        places = (None if text is None else _part(text, said) or self._pages.add(text) for text in (content, ref))
        return (rollout, idx, round, self._numbers["message_sorts"].of(sender, recipients, kind), *places)

    def _verdict(
        self,
        rollout: int,
        judge: str,
        draw: int,
        criterion: str,
        outcome: str,
        value: float | None,
        label: str | None,
        reason: str | None,
        call: int | None,
        mass: float | None,
    ) -> Row:
        said = self._judged.get((rollout, judge, draw), ())
        place = None if reason is None else _part(reason, said) or self._pages.add(reason)
        sort = self._numbers["verdict_sorts"].of(judge, draw, criterion)
        return (rollout, sort, self._numbers["names"].of(outcome), value, label, place, call, mass)


def _part(text: str, said: Sequence[_Said]) -> int | None:
    """The place of a text within what its author said; None where it is no part of it."""
    for whole, place in said if text else ():
        at = whole.find(text)
        if at >= 0:
            start, size = (at, len(text)) if whole.isascii() else (len(whole[:at].encode()), len(text.encode()))
            return ((place >> BITS) + start) << BITS | size
    return None
