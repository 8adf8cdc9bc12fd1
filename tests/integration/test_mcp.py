"""Tools of servers that speak the Model Context Protocol, by the command: used, resumed, and with every fault told."""

import shutil
import sys
from pathlib import Path

import pytest
from agentlab_cli.main import app
from typer.testing import CliRunner

from agentlab.runs.frames import load
from agentlab.runs.transcript import transcript
from agentlab.tools import mcp

pytestmark = pytest.mark.process
SERVER = Path(__file__).parent.parent / "support" / "mcp_server.py"
SCENARIO = """\
spec: 1
name: loud
seed: 1
models:
  default:
    name: sim/replies
    options:
      calls: {{ann: {{shout: {{text: hello}}}}}}
      replies: {{"*": {{done: 1}}}}
mcp:
  notes: {{command: {python}, args: [mcp_server.py, fine], env: [SHOUT], only: [shout, count], seconds: 60}}
tasks: {{t: {{prompt: Say it.}}}}
organization:
  agents: {{ann: {{tools: [mcp/notes]}}, bob: {{tools: [mcp/notes]}}}}
  protocol: {{kind: chain, stages: [[ann], [bob]]}}
"""


@pytest.fixture(autouse=True)
def beside(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server lies beside the scenario."""
    shutil.copy(SERVER, workdir)
    monkeypatch.setenv("SHOUT", "Says it loudly.")
    monkeypatch.setenv("NOT_NAMED", "secret")
    monkeypatch.setattr(mcp, "_known", {})


TOLD = {
    "hello": ("HELLO", False),
    "picture": ("(image image/png, which agents cannot see)", False),
    "fail": ("It is too loud.", True),
    "die": ("the server 'notes' ended with exit code 3: no more", True),
    "nonsense": ("the server 'notes' wrote something that is not a message of the protocol: 'Here you are!'", True),
    "flood": ("the server 'notes' wrote more than 10,000 messages that answer nothing", True),
    "huge": ("the server 'notes' wrote a message of more than 4 MB", True),
    "sleep": ("the server 'notes' gave no answer within 0.5 seconds", True),
}


def scenario() -> None:
    Path("s.yaml").write_text(SCENARIO.format(python=sys.executable))


def test_what_a_server_does_is_a_result_that_says_so() -> None:
    scenario()
    levels = "".join(
        f"    {text}: {{models: {{default: {{options: {{calls: {{ann: {{shout: {{text: {text}}}}}}}}}}}}}"
        f"{', mcp: {notes: {seconds: 0.5}}' if text == 'sleep' else ''}}}\n"
        for text in TOLD
    )
    Path("s.yaml").write_text(Path("s.yaml").read_text() + f"factors:\n  asked:\n{levels}")
    told = CliRunner().invoke(app, ["run", "s.yaml", "--out", "run"])
    assert told.exit_code == 0, told.output
    for text, said in TOLD.items():
        (found,) = transcript(Path("run"), {"asked": text}).record.turns[0].steps[0].call.tool_results
        assert (found.content.removeprefix("RuntimeError: "), found.error) == said


def test_a_changed_tool_does_not_go_on_with_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    scenario()
    assert CliRunner().invoke(app, ["run", "s.yaml", "--out", "run"]).exit_code == 0
    monkeypatch.setenv("SHOUT", "Whispers.")
    monkeypatch.setattr(mcp, "_known", {})
    told = str(CliRunner().invoke(app, ["run", "s.yaml", "--out", "run", "--draws", "2"]).exception)
    assert "the descriptions of tools have changed:\n  all: tool shout of ann: was " in told


def test_a_server_that_changes_while_a_scenario_is_run_fails_its_rollouts(monkeypatch: pytest.MonkeyPatch) -> None:
    scenario()
    assert CliRunner().invoke(app, ["check", "s.yaml"]).exit_code == 0
    monkeypatch.setenv("SHOUT", "Whispers.")
    told = CliRunner().invoke(app, ["run", "s.yaml", "--out", "run"])
    assert told.exit_code == 1
    assert "offers other tools than when the scenario was read: shout changed" in str(load("run").rollouts["error"][0])


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        ("fine", "twice", "s.yaml:11:20: mcp.notes.command: the server 'notes' lists the tool 'shout' twice"),
        ("[shout, count]", "[shuot]", "the server 'notes' has no tool 'shuot'; it has shout, count"),
        ("mcp/notes", "mcp/note", "no server 'note' under mcp"),
        ("[SHOUT]", "[SHOUTED]", "the environment variable SHOUTED is not set"),
        ("mcp_server.py", "nosuch.py", "the server 'notes' ended with exit code 2"),
        ("{command: ", "{command: nosuch", "cannot be started"),
    ],
)
def test_a_server_that_cannot_be_used_is_a_mistake_with_its_place(old: str, new: str, wrong: str) -> None:
    scenario()
    text = Path("s.yaml").read_text()
    if new.startswith("{command"):
        text = text.replace(f"command: {sys.executable}", "command: /no/such/program")
    else:
        text = text.replace(old, new)
    Path("s.yaml").write_text(text)
    assert wrong in " ".join(str(CliRunner().invoke(app, ["check", "s.yaml"]).exception).split())
