"""A damaged file is never read as something else: whoever reads is told, and what is whole is saved."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from agentlab.errors import StoreError
from agentlab.runs.frames import log
from agentlab.store import DATABASE, Store, read
from agentlab.store.packing import Packer
from agentlab.store.pages import PAGE
from agentlab.store.rescue import examine, rescue
from agentlab.store.writer import connect, store
from tests.support.logs import empty, written

GROUPS = (
    ("x" * (PAGE + 9) + "\N{GRINNING FACE}", None, "said", False),
    ("a long reply, " * 4000, None, "kept", False),
    ("last", "hm", "last words", False),
)
LAST = "(SELECT max(start) FROM pages)"


def changed(folder: Path, *statements: str) -> Path:
    """A run of three rollouts, to whose file something happens."""
    written(empty(folder), GROUPS)
    with closing(sqlite3.connect(folder / DATABASE, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)
    return folder


def everything(folder: Path) -> list[pd.DataFrame]:
    return [log.messages(folder), log.calls(folder), log.scores(folder, "1")]


@pytest.mark.parametrize(
    ("harm", "problem"),
    [
        ("DELETE FROM pages WHERE start = 0", "calls without their texts: 1"),
        (f"DELETE FROM pages WHERE start = {LAST}", "calls without their texts: 3"),
        (f"UPDATE pages SET start = start + (1 << 40) WHERE start = {LAST}", "calls without their texts: 3"),
        ("UPDATE pages SET size = size + 50 WHERE start = 0", "calls without their texts: 1"),
        ("UPDATE pages SET data = 5 WHERE start = 0", "calls without their texts: 1"),
        (
            f"UPDATE pages SET data = substr(data, 1, 9) || 'x' || substr(data, 11) WHERE start = {LAST}",
            "calls without",
        ),
        ("UPDATE call_rows SET text = text + 9 WHERE rowid = 1", "calls without their texts: 1"),
        ("UPDATE call_rows SET text = text - 1 WHERE rowid = 1", "calls without their texts: 1"),
        ("UPDATE call_rows SET text = 'some' WHERE rowid = 1", "calls without their texts: 1"),
        ("UPDATE call_rows SET text = -7 WHERE rowid = 1", "calls without their texts: 1"),
        ("DELETE FROM names WHERE name = 'ann'", "calls without their agent or settings: 3"),
        ("DELETE FROM call_sorts WHERE purpose = 'judge'", "calls without their agent or settings: 3"),
        ("DELETE FROM message_sorts", "messages without their sender and recipients: 3"),
        ("DELETE FROM verdict_sorts", "verdicts without their judge or outcome: 3"),
        ("DELETE FROM names WHERE name = 'scored'", "verdicts without their judge or outcome: 3"),
    ],
)
def test_a_loss_is_told_by_every_reader_and_the_rest_is_saved(tmp_path: Path, harm: str, problem: str) -> None:
    folder = changed(tmp_path / "run", harm)
    with pytest.raises(StoreError, match="agentlab doctor"):
        everything(folder)
    assert any(told.startswith(problem) for told in examine(folder).problems)
    rescue(folder, tmp_path / "saved")
    assert examine(tmp_path / "saved").problems == ()
    messages, calls, _ = everything(tmp_path / "saved")
    whole = {text for reply, _, said, _ in GROUPS for text in (reply, said)}
    assert set(calls["text"].dropna()) | set(messages["content"]) <= whole
    with closing(read(tmp_path / "saved")) as connection:
        assert {text for (text,) in connection.execute("SELECT text FROM calls")} - {None} <= whole
    goes_on(tmp_path / "saved", len(calls))


def goes_on(folder: Path, before: int) -> None:
    """Texts that are added to a rescued run are read as they are, beside those that it had."""
    old = log.calls(folder)["text"].astype("object")
    connection = connect(str(folder / DATABASE))
    connection.execute("BEGIN")
    call = (9, 1, "new", 0, 1, "agent", None, None, "m", "{}", "hash", "new text", "end", *[None] * 16, 0, 1, None)
    store(connection, Packer(connection), {"calls": [call]}, last=True)
    connection.execute("COMMIT")
    connection.close()
    new = log.calls(folder)["text"].astype("object")
    assert new.tolist()[before] == "new text"
    assert new[:before].equals(old)


def test_the_shell_shows_nothing_where_a_text_is_lost(tmp_path: Path) -> None:
    folder = changed(tmp_path / "run", "DELETE FROM pages WHERE start = 0")
    with closing(read(folder)) as connection:
        found = connection.execute("SELECT text FROM calls WHERE purpose = 'agent' ORDER BY rollout").fetchall()
    assert found == [(None,), (GROUPS[1][0],), (GROUPS[2][0],)]


def test_a_command_stops_at_a_call_whose_agent_is_lost_and_does_not_make_it_again(tmp_path: Path) -> None:
    folder = changed(tmp_path / "run", "DELETE FROM names WHERE name = 'ann'")

    async def recorded() -> Any:
        store = Store.open(folder)
        try:
            return store.recorded("1")
        finally:
            store.close()

    with pytest.raises(sqlite3.DatabaseError, match="lost its agent"):
        asyncio.run(recorded())


def test_a_command_stops_at_verdicts_whose_judge_is_lost(tmp_path: Path) -> None:
    folder = changed(tmp_path / "run", "DELETE FROM verdict_sorts")

    async def judged() -> Any:
        store = Store.open(folder)
        try:
            return store.judged()
        finally:
            store.close()

    with pytest.raises(StoreError, match="agentlab doctor"):
        asyncio.run(judged())


def test_a_page_that_does_not_compress_has_a_checksum_too(tmp_path: Path) -> None:
    written(empty(tmp_path / "run"), [("short", None, "short", False)])
    with closing(sqlite3.connect(tmp_path / "run" / DATABASE, isolation_level=None)) as connection:
        (data,) = connection.execute("SELECT data FROM pages").fetchone()
        connection.execute("UPDATE pages SET data = ?", (data.replace(b"short", b"shirt"),))
    with pytest.raises(StoreError, match="a page of texts is damaged"):
        log.calls(tmp_path / "run")
