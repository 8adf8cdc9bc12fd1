"""What a fork inherits: its rows hold only what it did itself, and the rest is found in its ancestors."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentlab.engine.cut import Cut, parsed
from agentlab.engine.intervention import stored
from agentlab.store.rows import COLUMNS, call_fact, message_fact
from agentlab.store.schema import READ_CALLS, READ_MESSAGES
from agentlab.types import Call, Message, Rollout

LINE = """
WITH RECURSIVE line(depth, id, key, parent, at, fork, change) AS (
    SELECT 0, id, key, parent, at, fork, change FROM rollouts WHERE key = ?
    UNION ALL
    SELECT line.depth + 1, r.id, r.key, r.parent, r.at, r.fork, r.change
    FROM line JOIN rollouts r ON r.key = line.parent WHERE line.at IS NOT NULL)"""
"""SQL: a rollout and its ancestors, nearest first by `depth`. The parameter is a key."""


@dataclass(frozen=True, slots=True)
class Ancestor:
    """One rollout of a line of forks."""

    depth: int
    id: int
    key: str
    parent: str | None
    at: str | None
    """The cut; None for a rollout that is no fork, with which the line ends."""
    fork: int
    change: str


def own_from(at: str, change: str) -> int:
    """The first round whose messages are the fork's own. Messages of earlier rounds are its parent's."""
    made = stored(change)
    return parsed(at).whole + (0 if made is not None and made.in_transit else 1)


def stored_messages(rollout: Rollout) -> Sequence[Message]:
    """The messages that are stored under the rollout: all of them; for a fork, only its own."""
    if rollout.at is None:
        return rollout.messages
    first = own_from(rollout.at, rollout.change)
    return [message for message in rollout.messages if message.round >= first]


def messages(connection: sqlite3.Connection, row: Sequence[Any]) -> tuple[Message, ...]:
    """The whole log of the rollout with this row of `rollouts`."""
    parts: list[tuple[Message, ...]] = []
    until = 1 << 62
    for ancestor in line(connection, _named(row)["key"]):
        parts.append(_messages(connection, ancestor.id, until))
        if ancestor.at is not None:
            until = min(until, own_from(ancestor.at, ancestor.change))
    return tuple(message for part in reversed(parts) for message in part)


def kept(connection: sqlite3.Connection, parent: str, cut: Cut) -> list[Call]:
    """The calls that a fork of `parent` at this cut does not make again, in order; never a judge's."""
    condition = "rollout = ? AND round <= ? AND error IS NULL AND purpose != 'judge'"
    sql = f"{READ_CALLS} WHERE {condition} ORDER BY attempt"
    latest: dict[tuple[int, str, int], Call] = {}
    cuts = [cut]
    for ancestor in line(connection, parent):
        rows = connection.execute(sql, (ancestor.id, min(cut.round for cut in cuts)))
        calls = [call for call in map(call_fact, rows) if all(cut.keeps(call.round, call.actor) for cut in cuts)]
        latest |= {(call.round, call.actor, call.k): call for call in calls}
        if ancestor.at is not None:
            cuts.append(parsed(ancestor.at))
    return [latest[place] for place in sorted(latest)]


def kept_by(connection: sqlite3.Connection, row: Sequence[Any]) -> list[Call]:
    """The calls that the rollout with this row of `rollouts` inherits; none if it is no fork."""
    fields = _named(row)
    return [] if fields["at"] is None else kept(connection, fields["parent"], parsed(fields["at"]))


def line(connection: sqlite3.Connection, key: str) -> list[Ancestor]:
    """The rollout with this key, its parent, and so on up to a rollout that is no fork."""
    return [Ancestor(*row) for row in connection.execute(f"{LINE} SELECT * FROM line ORDER BY depth", (key,))]


def _messages(connection: sqlite3.Connection, id: int, until: int) -> tuple[Message, ...]:
    """The messages of rounds before `until`, in order."""
    sql = f"{READ_MESSAGES} WHERE rollout = ? AND round < ? ORDER BY idx"
    return tuple(map(message_fact, connection.execute(sql, (id, until))))


def _named(row: Sequence[Any]) -> Mapping[str, Any]:
    return dict(zip(COLUMNS["rollouts"], row, strict=True))
