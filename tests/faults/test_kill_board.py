"""A team that runs programs in the sandbox, killed at twenty moments: it ends as if it had never been disturbed."""

import asyncio
import json
import random
import re
import signal
import time
from pathlib import Path

import pytest

from agentlab.errors import SandboxError
from agentlab.organization.board.tickets import OVER
from agentlab.runs.frames import load
from agentlab.tools.sandbox.detect import sandbox
from tests.support.command import Commands
from tests.support.kills import committed
from tests.support.rig import assert_equal, tables

pytestmark = pytest.mark.usefixtures("workdir")
KILLS, AT_ONCE, AGENTS = 20, 2, 5

CODER = '''
import asyncio
import json
import os

from msgspec.structs import replace

from agentlab.models.simulated import chatter
from agentlab.models.simulated.sim import counted
from agentlab.types import Capabilities, Completion, ToolCall


class Coder:
    """Talks as the chatter does; a worker runs a program first. Notes every request in the file CALLS names."""

    name, capabilities = "coder:Coder", Capabilities(frozenset(), seed=True, tools=True)

    async def complete(self, request):
        where = request.where
        place = f"{where.rollout}/{where.actor}/{where.round}/{where.k}"
        id = f"{os.getpid()}-{place}-{os.urandom(4).hex()}"
        with open(os.environ["CALLS"], "a") as file:
            file.write(json.dumps([place, id]) + "\\n")
        await asyncio.sleep(0.01)
        made = chatter.reply(request)
        if request.tools and where.k == 0:
            command = f"sleep 0.1; cat data/x.csv >> {where.actor}.txt; wc -c {where.actor}.txt"
            made = Completion("", (ToolCall("1", "run", json.dumps({"command": command})),), stop="tool")
        return replace(counted(request, made, self.name), request_id=id)
'''
SCENARIO = """\
spec: 1
name: coding
seed: 4
models: {default: {name: "coder:Coder"}}
tasks:
  double: {prompt: Double it., fields: {files: {data/x.csv: "5"}}}
  triple: {prompt: Triple it., fields: {files: {data/x.csv: "7"}}}
organization:
  agents:
    lead: {system: You lead.}
    coder: {system: You code., copies: 3, tools: [read, run]}
    reviewer: {system: You review., memory: unread}
  protocol:
    kind: board
    lead: lead
    workers: [coder]
    review: {by: [reviewer]}
    fixed: [data]
    plan: {by: all}
    plant: {bug: {text: "6"}}
  rounds: 40
draws: 5
"""


@pytest.mark.slow
def test_twenty_kills_of_a_team_with_a_sandbox_change_nothing(
    commands: Commands, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        asyncio.run(sandbox())
    except SandboxError as error:
        pytest.skip(str(error))
    Path("coder.py").write_text(CODER)
    Path("s.yaml").write_text(SCENARIO)
    whole = commands.agentlab("run", "s.yaml", "--out", "whole", env={"CALLS": "whole.log"})
    assert whole.code == 0, whole.said
    command = ("run", "s.yaml", "--out", "cut", "--concurrency", str(AT_ONCE))
    dice, kills, in_flight, in_tools = random.Random(8), 0, 0, 0
    for _ in range(KILLS):
        before = len(requests("cut.log"))
        running = commands.start(*command, env={"CALLS": "cut.log"})
        wanted = before + dice.randint(1, 6)
        deadline = time.monotonic() + 60
        while len(requests("cut.log")) < wanted and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(dice.random() * 0.15)
        if running.kill().code != -signal.SIGKILL:
            break  # it was through before it could be killed
        kills += 1
        kept = committed(Path("cut"), workdir / "copy")
        open_ = [id for _, id in requests("cut.log")[before:] if id not in kept]
        assert len(open_) <= AT_ONCE * AGENTS
        in_flight += len(open_)
        in_tools += unfinished(workdir / "copy")
    assert commands.agentlab(*command, env={"CALLS": "cut.log"}).code == 0
    asked = [place for place, _ in requests("cut.log")]
    assert len(asked) - len(set(asked)) == in_flight, "only what was in flight is asked again"
    assert sorted(set(asked)) == sorted({place for place, _ in requests("whole.log")})
    assert kills >= KILLS / 2
    assert in_tools > 0, "no kill came while a program ran"
    left, right = tables("whole"), tables("cut")
    for found in (left, right):
        found["calls"]["tool_results"] = found["calls"]["tool_results"].map(without_seconds)
    assert_equal(left, right)
    assert load("cut").tickets.equals(load("whole").tickets)
    assert load("cut").tickets["state"].isin(OVER).all()


def requests(log: str) -> list[tuple[str, str]]:
    """Place and id of every request so far."""
    path = Path(log)
    lines = path.read_text().splitlines() if path.exists() else []
    return [(place, id) for place, id in map(json.loads, lines)]


def unfinished(run: Path) -> int:
    """Calls that asked for a tool whose result was not stored yet, in a copy of a run that was killed."""
    calls = load(run).calls
    return int(((calls["stop"] == "tool") & calls["tool_results"].isna()).sum()) if len(calls) else 0


def without_seconds(results: str | None) -> str | None:
    return re.sub(r'"seconds":[\d.e-]+', "", results) if isinstance(results, str) else None
