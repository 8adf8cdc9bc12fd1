"""A run folder of another format is refused by every command, in the same words, and stays as it is."""

import asyncio
import json
import sqlite3
from pathlib import Path

import pytest
from agentlab_cli.main import app
from typer.testing import CliRunner

from agentlab.errors import MismatchError, StoreError
from agentlab.runs.frames import load
from agentlab.store import Store, read
from tests.support.firm import BASE

OLD = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
INSERT INTO meta VALUES ('format', '3'), ('name', '"firm"');
CREATE TABLE conditions (name TEXT PRIMARY KEY, levels TEXT NOT NULL, facts TEXT NOT NULL);
CREATE TABLE rollouts (id INTEGER PRIMARY KEY, key TEXT NOT NULL, parent TEXT, at TEXT, status TEXT);
CREATE TABLE calls (rollout INTEGER, round INTEGER, actor TEXT, k INTEGER, attempt INTEGER, input INTEGER);
"""
COMMANDS = (
    ("run", "s.yaml", "--out", "old"),
    ("plan", "s.yaml", "--pilot", "old"),
    ("show", "old"),
    ("judge", "old", "--with", "quality"),
    ("judge", "old", "--probe", "length", "--yes"),
    ("resample", "old", "--rollout", "abcdef", "--at", "1"),
    ("stats", "old"),
    ("report", "old"),
    ("import", "jsonl", "texts.jsonl", "--task", "task", "--output", "output", "--out", "old"),
    ("import", "labels", "labels.csv", "--run", "old"),
    ("export", "parquet", "old"),
    ("export", "labels", "old", "sheet.csv", "--measure", "utility"),
)


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("old").mkdir()
    Path("s.yaml").write_text(BASE)
    Path("texts.jsonl").write_text('{"task": "loan", "output": "Fine."}\n')
    Path("labels.csv").write_text("rollout,measure,label\nabcdef,utility,1\n")
    connection = sqlite3.connect("old/run.db")
    connection.executescript(OLD)
    connection.close()
    return Path("old")


@pytest.mark.parametrize("argv", COMMANDS, ids=" ".join)
def test_every_command_says_what_it_is_and_what_to_do(old: Path, argv: tuple[str, ...]) -> None:
    before = (old / "run.db").read_bytes()
    ended = CliRunner().invoke(app, list(argv))
    assert isinstance(ended.exception, MismatchError), ended.output
    assert str(ended.exception) == (
        "old: a run of format 3, but this version of agentlab reads only format 7. Read it with the version that "
        "made it, or run the scenario again with --new or --out"
    )
    assert (old / "run.db").read_bytes() == before


def test_another_database_is_no_run(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "run.db")
    connection.execute("CREATE TABLE birds (name TEXT)")
    connection.close()
    with pytest.raises(StoreError, match="has other tables"):
        load(tmp_path)


def test_an_empty_file_is_no_run_yet_and_becomes_one(tmp_path: Path) -> None:
    (tmp_path / "run.db").touch()
    with pytest.raises(StoreError, match="is empty"):
        read(tmp_path)

    async def opened() -> None:
        Store.open(tmp_path).close()

    asyncio.run(opened())
    assert load(tmp_path).rollouts.empty


def test_a_list_says_that_a_run_has_another_format(old: Path) -> None:
    ended = CliRunner().invoke(app, ["list", ".", "--json"])
    (run,) = json.loads(ended.output)["runs"]
    assert (run["state"], run["done"]) == ("other format", None)
    assert "a run of format 3" in run["problem"]
