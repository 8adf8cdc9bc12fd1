"""Rollouts played elsewhere: an executor of one's own, in threads with event loops of their own, gives the same run."""

import asyncio
import re
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from agentlab.engine.client import Client
from agentlab.engine.play import play
from agentlab.engine.spec import RolloutSpec
from agentlab.engine.state import State
from agentlab.experiment.executors import Executor
from agentlab.experiment.executors.local import LocalExecutor
from agentlab.experiment.progress import Progress
from agentlab.experiment.session import run
from agentlab.experiment.specs import Selection
from agentlab.store import read
from agentlab.types import Call, Rollout
from tests.support.firm import design

GUIDE = Path(__file__).parents[2] / "docs" / "extending.md"
pytestmark = pytest.mark.usefixtures("workdir")
VOLATILE = {"id", "rollout", "started", "seconds", "finished", "request_id"}


@dataclass(frozen=True, slots=True)
class ThreadExecutor:
    """Every rollout in a thread and an event loop of its own; calls are committed at home."""

    threads: set[int] = field(default_factory=set[int])

    async def play(
        self, spec: RolloutSpec, client: Client, stopping: Callable[[], bool], state: State | None
    ) -> Rollout:
        home = asyncio.get_running_loop()

        def record(rollout: str, call: Call) -> Awaitable[None]:
            async def commit() -> None:
                await client.record(rollout, call)

            return asyncio.wrap_future(asyncio.run_coroutine_threadsafe(commit(), home))

        def elsewhere() -> Rollout:
            self.threads.add(threading.get_ident())
            return asyncio.run(play(spec, replace(client, record=record), stopping, state))

        return await asyncio.to_thread(elsewhere)


def rows(folder: str) -> dict[str, list[dict[str, Any]]]:
    """Every row but for times, with the rollout's key in place of its number."""
    with closing(read(Path(folder))) as connection:
        connection.row_factory = sqlite3.Row
        keys = {row["id"]: row["key"] for row in connection.execute("SELECT id, key FROM rollouts")}
        tables = dict[str, list[dict[str, Any]]]()
        for table in ("rollouts", "messages", "calls", "verdicts"):
            made = list[dict[str, Any]]()
            for row in connection.execute(f"SELECT * FROM {table}"):
                facts = {name: row[name] for name in row.keys() if name not in VOLATILE}  # noqa: SIM118
                made.append({"of": keys[row["rollout" if table != "rollouts" else "id"]], **facts})
            tables[table] = sorted(made, key=repr)
        return tables


def played(folder: str, executor: Executor, draws: int | None = None) -> Progress:
    progress = Progress()
    judge = ("{name: sim/replies}", "{name: sim/chatter}")
    firm = design(judge, ("spec: 1", "spec: 1\nseed: 7"), ("draws: 2", "draws: 3"))
    asyncio.run(run(firm, Path(folder), Selection(draws=draws), progress, executor=executor))
    return progress


def test_an_executor_of_ones_own_gives_the_same_rows() -> None:
    executor = ThreadExecutor()
    here, there = played("here", LocalExecutor()), played("there", executor)
    assert (there.done, there.failed, there.made.calls) == (here.done, here.failed, here.made.calls)
    assert here.done == 6
    assert threading.get_ident() not in executor.threads
    assert executor.threads
    assert rows("here") == rows("there")


def test_what_one_executor_began_another_goes_on_with() -> None:
    played("here", LocalExecutor())
    played("mixed", ThreadExecutor(), draws=1)
    played("mixed", LocalExecutor())
    assert rows("mixed") == rows("here")


def test_the_executor_of_the_guide_gives_the_same_rows() -> None:
    played("here", LocalExecutor())
    section = GUIDE.read_text(encoding="utf-8").partition("## An executor\n")[2].partition("\n## ")[0]
    code = "\n".join(re.findall(r"```python\n(.*?)```", section, re.DOTALL))
    Path("mine.yaml").write_text(Path("s.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    exec(compile(code, "extending.md", "exec"), {})
    assert rows("runs/mine") == rows("here")
