"""What a fork has from its parent: its row holds only what it did itself, the rest is found by lineage."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from agentlab.engine.cut import Cut, parsed
from agentlab.engine.intervention import MESSAGES
from agentlab.store.rows import COLUMNS, call_fact, message_fact
from agentlab.types import Call, Message, Rollout

FORKS = "kind = 'fork'"
"""Rows of `rollouts` that are forks."""


def own_from(at: str, change: str) -> int:
    """The first round whose messages are a fork's own, the rounds before being its parent's."""
    return parsed(at).whole + (0 if change.startswith(MESSAGES) else 1)


def own(rollout: Rollout) -> Sequence[Message]:
    """The messages that are stored under the rollout: all of them, but of a fork only its own."""
    if rollout.at is None:
        return rollout.messages
    first = own_from(rollout.at, rollout.change)
    return [message for message in rollout.messages if message.round >= first]


def messages(connection: sqlite3.Connection, row: Sequence[Any]) -> tuple[Message, ...]:
    """The whole log of the rollout with this row of `rollouts`."""
    fields = _named(row)
    found = _messages(connection, fields["id"])
    if fields["at"] is None:
        return found
    first = own_from(fields["at"], fields["change"])
    return (*_messages(connection, _id(connection, fields["parent"]), first), *found)


def kept(connection: sqlite3.Connection, parent: str, cut: Cut) -> list[Call]:
    """The calls of `parent` that a fork at this cut does not make again, in order; no judge's."""
    sql = (
        "SELECT * FROM calls WHERE rollout = ? AND round <= ? AND error IS NULL AND purpose != 'judge' "
        "ORDER BY round, actor, k, attempt"
    )
    rows = connection.execute(sql, (_id(connection, parent), cut.round))
    latest = {(call.actor, call.round, call.k): call for call in map(call_fact, rows)}
    return [call for call in latest.values() if cut.keeps(call.round, call.actor)]


def kept_by(connection: sqlite3.Connection, row: Sequence[Any]) -> list[Call]:
    """The calls that the rollout with this row of `rollouts` has from its parent; none when it is no fork."""
    fields = _named(row)
    return [] if fields["at"] is None else kept(connection, fields["parent"], parsed(fields["at"]))


def _messages(connection: sqlite3.Connection, id: int, until: int = 1 << 62) -> tuple[Message, ...]:
    """In order, of the rounds before `until`."""
    sql = "SELECT * FROM messages WHERE rollout = ? AND round < ? ORDER BY idx"
    return tuple(map(message_fact, connection.execute(sql, (id, until))))


def _id(connection: sqlite3.Connection, key: str) -> int:
    return connection.execute("SELECT id FROM rollouts WHERE key = ?", (key,)).fetchone()[0]


def _named(row: Sequence[Any]) -> Mapping[str, Any]:
    return dict(zip(COLUMNS["rollouts"], row, strict=True))
