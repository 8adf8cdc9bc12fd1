"""A provider and an analysis, added to their registries as docs/extending.md shows it."""

import importlib
import json
import re
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import agentlab_cli.stats
import pandas as pd
import pytest
from agentlab_cli.main import app
from typer.testing import CliRunner

from agentlab.analysis.registry import ANALYSES, RegisteredAnalysis
from agentlab.models import capabilities
from agentlab.models.registry import PROVIDERS, Provider
from agentlab.runs.frames import Run, load

GUIDE = (Path(__file__).parents[2] / "docs" / "extending.md").read_text(encoding="utf-8")
SCENARIO = """
spec: 1
name: extended
models: {default: {name: MODEL, tries: 1}}
tasks: {t: {prompt: Write a note.}}
organization: {agents: {ann: {}}, protocol: {kind: chain, stages: [[ann]]}}
draws: 3
"""


def blocks(section: str) -> list[str]:
    """The Python of a section."""
    text = GUIDE.partition(f"## {section}\n")[2].partition("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def module(name: str, code: str, patch: pytest.MonkeyPatch) -> None:
    """Makes a module of the code, as if its file were there."""
    made = ModuleType(name)
    exec(code, made.__dict__)
    patch.setitem(sys.modules, name, made)


def played(model: str, **fields: str) -> Run:
    told = "".join(f", {name}: {value}" for name, value in fields.items())
    Path("s.yaml").write_text(SCENARIO.replace("MODEL", model + told), encoding="utf-8")
    ended = CliRunner().invoke(app, ["run", "s.yaml", "--out", "run"])
    assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exception
    return load("run")


class Chat(BaseHTTPRequestHandler):
    """A server that counts words, and refuses a prompt of one."""

    asked: list[dict[str, Any]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append({"path": self.path, **body})
        said = f"{len(self.asked)} so far"
        answer = {"message": {"content": said}, "prompt_eval_count": 4, "eval_count": 3, "done_reason": "stop"}
        text = json.dumps({**answer, "model": "qwen3:latest"}).encode()
        self.send_response(200 if len(self.asked) < 3 else 413)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    Chat.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Chat) as listening:
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        yield listening
        listening.shutdown()
        thread.join()


def test_the_provider(workdir: Path, server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    provider, takes, line = blocks("A provider")
    scope: dict[str, Any] = dict(vars(capabilities))
    exec(takes, scope)
    monkeypatch.setattr(capabilities, "ollama", scope["ollama"], raising=False)
    module("agentlab.models.providers.ollama", provider, monkeypatch)
    known = eval(f"{{{line}}}", {"Provider": Provider, "families": capabilities})
    monkeypatch.setitem(PROVIDERS, "ollama", known["ollama"])
    run = played("ollama/qwen3", base_url=f"http://127.0.0.1:{server.server_port}", temperature="0.5", concurrency="1")
    assert [asked["path"] for asked in Chat.asked] == ["/api/chat"] * 3
    assert {asked["model"] for asked in Chat.asked} == {"qwen3"}
    assert Chat.asked[0]["messages"][-1] == {"role": "user", "content": "Write a note."}
    assert all(asked["options"]["temperature"] == 0.5 for asked in Chat.asked)
    assert len({asked["options"]["seed"] for asked in Chat.asked}) == 3
    assert sorted(run.rollouts["status"]) == ["delivered", "delivered", "limit"], "a prompt too long is a limit"
    answered = run.calls[run.calls["error"].isna()]
    assert answered[["input_tokens", "output_tokens", "cost"]].to_numpy().tolist() == [[4, 3, 0]] * 2


def test_the_analysis(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    analysis, line = blocks("An analysis")
    module("agentlab.analysis.words", analysis, monkeypatch)
    known = eval(f"{{{line}}}", {"RegisteredAnalysis": RegisteredAnalysis})
    run = played("sim/chatter")
    with monkeypatch.context() as patch:
        patch.setitem(ANALYSES, "words", known["words"])
        command = importlib.reload(agentlab_cli.stats).app
        assert "How many words each arm writes." in CliRunner().invoke(command, ["--help"]).stdout
        said = CliRunner().invoke(command, ["run", "words", "--csv", "tables"], catch_exceptions=False).stdout
    importlib.reload(agentlab_cli.stats)
    assert "Words of an output" in said
    assert "n = 3 outputs." in said
    counts = [len(str(text).split()) for text in run.rollouts["output"]]
    table = pd.read_csv("tables/words.csv")
    assert table["mean"].tolist() == pytest.approx([sum(counts) / 3])
    assert table["count"].tolist() == [3]
