"""What docs/extending.md shows, run as it stands there."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from agentlab_cli.main import app
from typer.testing import CliRunner

from agentlab.runs.frames import Run, load
from agentlab.types import Message, Scene
from bench.pages import DOCS, blocks

SHOWN = {block.title: block.text for block in blocks(DOCS / "extending.md") if block.title}
SCENARIO = """
spec: 1
name: extended
models: {default: {name: sim/chatter}}
tasks: {t: {prompt: Write a note about a note.}}
organization:
  agents: {ann: {}, ben: {}, cat: {}}
  protocol: {kind: chain, stages: [[ann], [ben], [cat]]}
draws: 2
"""


@pytest.fixture
def modules(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The document's modules in the working folder; no later test finds them imported."""
    monkeypatch.setattr(sys, "path", [str(workdir), *sys.path])
    for name in ("my_tools", "my_ring"):
        sys.modules.pop(name, None)
        (workdir / f"{name}.py").write_text(SHOWN[f"{name}.py"], encoding="utf-8")
    yield workdir
    for name in ("my_tools", "my_ring"):
        sys.modules.pop(name, None)


def shown(scenario: str, key: str) -> str:
    """The line of a scenario that begins with a key."""
    return next(line.strip() for line in SHOWN[scenario].split("\n") if line.strip().startswith(f"{key}:"))


def played(*changes: tuple[str, str]) -> Run:
    text = SCENARIO
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    Path("s.yaml").write_text(text)
    told = CliRunner().invoke(app, ["run", "s.yaml", "--out", "run"])
    assert told.exit_code == 0, told.output
    return load("run")


@pytest.mark.usefixtures("modules")
def test_the_protocol() -> None:
    run = played(("protocol: {kind: chain, stages: [[ann], [ben], [cat]]}", shown("with_protocol.yaml", "protocol")))
    assert run.rollouts["status"].tolist() == ["delivered"] * 2
    assert run.rollouts["rounds"].tolist() == [6] * 2
    assert run.conditions["edges"].tolist() == [3]


@pytest.mark.usefixtures("modules")
async def test_the_tool() -> None:
    lookup = importlib.import_module("my_tools").lookup
    log = (Message("ann", ("ben",), "mail", "a red fox"), Message("ben", ("ann",), "mail", "a dog"))
    scene = Scene("ann", 1, log)
    assert (await lookup(scene, {"word": "fox"})).content == "a red fox"
    assert (await lookup(scene, {"word": "cat", "most": 1})).content == "Nothing."
    with pytest.raises(ValueError, match=r"word: .*; wide: "):
        await lookup(scene, {"word": 3, "wide": True})


@pytest.mark.usefixtures("modules")
def test_the_tool_in_a_scenario() -> None:
    run = played(("agents: {ann: {}, ben: {}, cat: {}}", shown("with_tool.yaml", "agents")), (", [cat]", ""))
    specs = run.conditions["facts"].iloc[0]["agents"]["ann"]["tools"]
    assert [spec["name"] for spec in specs] == ["calculate", "lookup"]
    assert specs[1]["parameters"] == {
        "additionalProperties": False,
        "properties": {
            "word": {"description": "One word.", "type": "string"},
            "most": {"default": 3, "type": "integer"},
        },
        "required": ["word"],
        "type": "object",
    }
