"""Tools of agents, by the command: called natively or by tags, for tickets too, and limited per turn."""

from pathlib import Path

import pytest
from agentlab_cli.main import app
from typer.testing import CliRunner

from agentlab.runs.frames import load
from agentlab.runs.transcript import transcript

BOARD = """\
spec: 1
name: pages
seed: 3
models: {default: {name: sim/chatter}, plain: {name: sim/chatter, capabilities: {tools: false}}}
tasks: {site: {prompt: Write a page on bees and one on wasps., fields: {files: {data/facts.csv: "bees,5"}}}}
organization:
  agents:
    lead: {system: You lead a team., tools: [ticket, assign]}
    coder: {system: "You are {{agent}}.", copies: 3, tools: [read, write, done, claim]}
    reviewer: {system: You review., copies: 2, memory: unread, tools: [read, review]}
  protocol: {kind: board, lead: lead, workers: [coder], review: {by: [reviewer]}, fixed: [data]}
  rounds: 60
factors:
  how:
    native: {}
    tagged: {organization: {agents: {lead: {model: plain}, coder: {model: plain}, reviewer: {model: plain}}}}
draws: 2
"""


def run(text: str, *options: str) -> str:
    Path("s.yaml").write_text(text)
    told = CliRunner().invoke(app, ["run", "s.yaml", "--out", "run", *options])
    assert told.exit_code == 0, told.output
    return told.output


def test_tickets_go_the_same_way_by_tool_calls_and_by_tags(workdir: Path) -> None:
    Path("s.yaml").write_text(BOARD)
    told = CliRunner().invoke(app, ["check", "s.yaml"])
    assert told.exit_code == 0
    run(BOARD)
    played = load("run")
    assert played.rollouts["status"].eq("delivered").all()
    both = ["draw", "index", "round", "sender", "to", "kind", "content", "ref"]
    native, tagged = (
        played.messages.loc[played.messages["how"] == how, both].reset_index(drop=True).astype("str")
        for how in ("native", "tagged")
    )
    assert native.equals(tagged)
    assert {"ticket", "done", "approve", "file"} <= set(native["kind"])
    for key in played.rollouts["rollout"].astype("str"):
        record = transcript(played.folder, key).record
        assert all(step.intact for turn in record.turns for step in turn.steps)
    first = transcript(played.folder, {"how": "tagged", "draw": 1}).record.turns[1]
    assert '<call tool="done">' in first.steps[0].prompt[0].content
    assert first.steps[1].prompt[-1].content.startswith('<result tool="write">\nWrote ')
    contrast = CliRunner().invoke(app, ["show", "s.yaml"])
    assert "(as tags)" in contrast.output


def test_a_tool_for_tickets_needs_a_board(workdir: Path) -> None:
    text = BOARD.replace(
        "{kind: board, lead: lead, workers: [coder], review: {by: [reviewer]}, fixed: [data]}",
        "{kind: chain, stages: [[lead]]}",
    )
    Path("s.yaml").write_text(text.replace("  rounds: 60\n", "  rounds: 60\n  cast: [lead]\n"))
    told = CliRunner().invoke(app, ["check", "s.yaml"])
    assert "s.yaml:8:45: organization.agents.lead.tools: the tool 'ticket' is for a ticket board" in str(told.exception)


READER = '''
import json
from agentlab.types import Capabilities, Completion, ToolCall, Usage

class Reader:
    """Reads a file again and again, and notes how long its prompts are."""

    name, capabilities = "reader:Reader", Capabilities(frozenset(), seed=True, tools=True)

    async def complete(self, request):
        size = sum(len(entry.content) for entry in request.chat)
        if request.where.k < 39:
            call = ToolCall(str(request.where.k), "read", json.dumps({"path": "long.txt"}))
            return Completion(str(size), (call,), Usage(size, 1), "tool")
        return Completion("<done>Read.</done>", usage=Usage(size, 1))
'''


def test_a_turn_of_forty_calls_sends_no_more_than_its_window(workdir: Path) -> None:
    Path("reader.py").write_text(READER)
    text = "word " * 4_000
    run(f"""\
spec: 1
name: reading
models: {{default: {{name: "reader:Reader"}}}}
tasks: {{t: {{prompt: Read it., fields: {{files: {{long.txt: "{text}"}}}}}}}}
organization:
  agents: {{ann: {{tools: [read]}}}}
  protocol: {{kind: board, workers: [ann], show: names}}
  calls: 40
  turn: {{result: 16000, shown: 64000}}
""")
    played = load("run")
    assert len(played.calls) == 40
    assert played.calls["input_tokens"].max() < 64_000 + 6_000
    record = transcript(played.folder, {"task": "t"}).record
    assert all(step.intact for turn in record.turns for step in turn.steps)
    results = [entry.content for entry in record.turns[0].steps[-1].prompt if entry.role == "tool"]
    assert "characters left out" in results[-1]
    assert results[0].endswith("no longer shown; use the tool again to see them)")


def test_a_turn_ends_when_its_seconds_are_used_up(workdir: Path) -> None:
    wait = "async def complete(self, request):\n        import asyncio; await asyncio.sleep(0.03)"
    Path("slow_reader.py").write_text(READER.replace("async def complete(self, request):", wait))
    run("""\
spec: 1
name: slow
models: {default: {name: "slow_reader:Reader"}}
tasks: {t: {prompt: Read it., fields: {files: {long.txt: "a"}}}}
organization:
  agents: {ann: {tools: [read]}}
  protocol: {kind: chain, stages: [[ann]]}
  calls: 30
  turn: {seconds: 0.01}
""")
    assert len(load("run").calls) == 1


@pytest.mark.parametrize("limit", ["result: 10", "shown: 10", "seconds: 0", "bytes: 3"])
def test_limits_of_a_turn_that_cannot_be_are_told_with_their_place(workdir: Path, limit: str) -> None:
    Path("s.yaml").write_text(BOARD.replace("  rounds: 60\n", f"  rounds: 60\n  turn: {{{limit}}}\n"))
    told = CliRunner().invoke(app, ["check", "s.yaml"])
    assert "s.yaml:13:" in str(told.exception)
