"""The format of a run's file. It changes with the tables; a file of another format is refused."""

import sqlite3
from pathlib import Path

from agentlab.errors import MismatchError, StoreError
from agentlab.store import schema
from agentlab.store.rows import SCHEMA, dump

FORMAT = 7


def prepare(connection: sqlite3.Connection) -> None:
    """Makes the tables that a new file lacks."""
    row = f"INSERT OR IGNORE INTO meta VALUES ('format', '{dump(FORMAT)}');"
    connection.executescript(f"BEGIN IMMEDIATE; {SCHEMA} {schema.SCHEMA} {row} COMMIT;")


def known(connection: sqlite3.Connection, folder: Path) -> bool:
    """Whether the file has a run's tables yet; a command that was killed at once leaves one without.

    Raises `MismatchError` when it has another format, and `StoreError` when it is no run's.
    """
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return False
    rows = connection.execute("SELECT value FROM meta WHERE key = 'format'").fetchall() if "meta" in tables else []
    if not rows:
        raise StoreError(f"{folder}: this is not a run (its database has other tables); `agentlab run` makes runs")
    if rows != [(dump(FORMAT),)]:
        raise MismatchError(
            f"{folder}: a run of format {rows[0][0]}, but this version of agentlab reads only format {FORMAT}. Read "
            f"it with the version that made it, or run the scenario again with --new or --out"
        )
    return True
