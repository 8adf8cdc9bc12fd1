"""Formats of a run's file: an older one is read as it is, and becomes today's when it is written to."""

import sqlite3

from agentlab.store.rows import COLUMNS, SCHEMA, dump

FORMAT = 3
_SINCE = {"fork": ("INTEGER NOT NULL DEFAULT 0", "0"), "change": ("TEXT NOT NULL DEFAULT ''", "''")}
"""Columns of `rollouts` that format 2 lacks, each with its type and what its rows have there."""


def prepare(connection: sqlite3.Connection) -> str:
    """Makes what the file lacks of today's tables; the format it then has, as it is stored."""
    connection.executescript(f"BEGIN; {SCHEMA} COMMIT;")
    connection.execute("INSERT OR IGNORE INTO meta VALUES ('format', ?)", (dump(FORMAT),))
    sql = "SELECT value FROM meta WHERE key = 'format'"
    if connection.execute(sql).fetchone()[0] == "2" and _lacks(connection) == list(_SINCE):
        connection.execute("BEGIN IMMEDIATE")
        for name, (kind, _) in _SINCE.items():
            connection.execute(f"ALTER TABLE rollouts ADD COLUMN {name} {kind}")
        connection.execute("UPDATE meta SET value = ? WHERE key = 'format'", (dump(FORMAT),))
        connection.execute("COMMIT")
    return connection.execute(sql).fetchone()[0]


def adapt(connection: sqlite3.Connection) -> bool:
    """Lets a connection that only reads see an older file as one of today's; False when it is too old for that."""
    lacking = _lacks(connection)
    if lacking and lacking != list(_SINCE):
        return False
    if lacking:
        more = ", ".join(f"{value} AS {name}" for name, (_, value) in _SINCE.items())
        connection.execute(f"CREATE TEMP VIEW rollouts AS SELECT *, {more} FROM main.rollouts")
    for table in COLUMNS.keys() - _tables(connection):  # the file stays as it is: this table is the connection's own
        connection.execute(f"CREATE TEMP TABLE {table} ({', '.join(COLUMNS[table])})")
    return True


def _lacks(connection: sqlite3.Connection) -> list[str]:
    """Columns of `rollouts` that are not there; none when there is no such table yet."""
    there = [row[1] for row in connection.execute("PRAGMA table_info(rollouts)")]
    return [name for name in COLUMNS["rollouts"] if name not in there] if there else []


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
