"""What a run records in sum is counted again when something was added, and only then."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agentlab import api
from agentlab.runs.listing import listed_run
from agentlab.store import read
from agentlab.store.rescue import rescue
from agentlab.store.totals import totals as counted
from tests.support.firm import Change, design

pytestmark = pytest.mark.usefixtures("workdir")

SCORES: Change = ("{name: sim/replies}", '{name: sim/replies, options: {scores: {"*": {"3": 1.0}}}}')


def totals(write: str = "") -> str:
    """Those of the run, replaced before by others if some are given."""
    with closing(sqlite3.connect("run/run.db")) as connection, connection:
        if write:
            connection.execute("UPDATE meta SET value = ? WHERE key = 'totals'", (write,))
        return str(connection.execute("SELECT value FROM meta WHERE key = 'totals'").fetchone()[0])


async def test_nothing_new_is_not_counted_again() -> None:
    await api.run(design(SCORES), "run")
    marked = totals(write="{}")
    await api.run(design(SCORES), "run")
    assert totals() == marked


@pytest.mark.parametrize(
    "change",
    [
        ("draws: 2", "draws: 3"),
        ("{client: Bank}", "{client: Bank}, target: 42"),
    ],
    ids=["more draws", "a corrected task"],
)
async def test_what_is_new_is_counted(change: Change) -> None:
    await api.run(design(SCORES), "run")
    totals(write="{}")
    await api.run(design(SCORES, change), "run")
    with closing(read(Path("run"))) as connection:
        assert json.loads(totals()) == counted(connection)


async def test_what_a_killed_command_left_is_counted() -> None:
    await api.run(design(SCORES), "run")
    right = totals()
    totals(write="{}")
    with closing(sqlite3.connect("run/run.db")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    await api.run(design(SCORES), "run")
    assert totals() == right


async def test_what_could_be_saved_of_a_damaged_file_is_counted() -> None:
    await api.run(design(SCORES), "run")
    with closing(sqlite3.connect("run/run.db")) as connection, connection:
        lost = connection.execute("DELETE FROM rollouts WHERE draw = 2 AND kind = 'rollout'").rowcount
    rescue(Path("run"), Path("saved"))
    before, saved = (listed_run(Path(name)) for name in ("run", "saved"))
    assert lost
    assert (saved.state, saved.planned) == ("stopped", before.planned)
    assert saved.done == (before.done or 0) - lost
