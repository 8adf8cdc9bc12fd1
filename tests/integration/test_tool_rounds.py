"""Tools at a board over several rounds, as each provider is told of them: on a loopback server, in its own format."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from agentlab_cli.main import app
from typer.testing import CliRunner

from agentlab.runs.frames import load
from agentlab.runs.transcript import transcript
from tests.support.loopback import Answer, Body, Loopback

SCENARIO = """\
spec: 1
name: rounds
models: {{default: {{name: {model}, base_url: "{url}", max_tokens: 100}}}}
tasks: {{t: {{prompt: Write two pages., fields: {{files: {{data/facts.csv: "bees,5"}}}}}}}}
organization:
  agents:
    lead: {{system: You lead., tools: [ticket]}}
    coder: {{system: You code., tools: [read, write, done]}}
  protocol: {{kind: board, lead: lead, workers: [coder], show: names}}
  rounds: 8
"""
Wish = tuple[str, Mapping[str, str]]
TICKETS: list[Wish] = [("ticket", {"id": id, "text": f"Page {id}"}) for id in ("T1", "T2")]
WORK: list[Wish] = [("write", {"path": "page.md", "text": "Bees."}), ("read", {"path": "data/facts.csv"})]


def wishes(body: Body) -> Sequence[Wish]:
    """What the model wants next: the lead two tickets at once; the coder two files at once, then to report."""
    told = max(i for i, entry in enumerate(body["messages"]) if entry["role"] == "user" and not _results(entry))
    step = sum(entry["role"] == "assistant" for entry in body["messages"][told:])
    if "You lead." in json.dumps(body):
        return TICKETS if step == 0 and "none yet" in _text(body["messages"][told]) else []
    ticket = re.findall(r'<(?:work|continue) [^<>]*id="(T\d)"', _text(body["messages"][told]))
    report = {"id": ticket[-1] if ticket else "", "text": "Written."}
    return [WORK, [("done", report)], []][step]


def _results(entry: Mapping[str, Any]) -> bool:
    content: list[Any] | str | None = entry["content"]
    return isinstance(content, list) and any(part["type"] == "tool_result" for part in content)


def _text(entry: Mapping[str, Any]) -> str:
    content = entry["content"]
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def openai(body: Body, before: int) -> Answer:
    calls = [
        {"id": f"c{len(body['messages'])}_{i}", "type": "function", "function": {"name": n, "arguments": json.dumps(a)}}
        for i, (n, a) in enumerate(wishes(body))
    ]
    message = {"role": "assistant", "content": None if calls else "Done.", **({"tool_calls": calls} if calls else {})}
    choice = {"index": 0, "finish_reason": "tool_calls" if calls else "stop", "message": message}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    told = {"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": usage}
    return Answer(raw=json.dumps(told).encode())


def claude(body: Body, before: int) -> Answer:
    uses = [
        {"type": "tool_use", "id": f"c{len(body['messages'])}_{i}", "name": name, "input": given}
        for i, (name, given) in enumerate(wishes(body))
    ]
    told = {
        "id": "x",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": uses or [{"type": "text", "text": "Done."}],
        "stop_reason": "tool_use" if uses else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 5},
    }
    return Answer(raw=json.dumps(told).encode())


def pairs(body: Mapping[str, Any]) -> list[tuple[list[str], list[str]]]:
    """Of each reply with tool calls: the ids of the calls, and of the results right behind it, in their order."""
    found: list[tuple[list[str], list[str]]] = []
    for i, entry in enumerate(body["messages"]):
        if entry["role"] != "assistant":
            continue
        content: list[Any] | str | None = entry["content"]
        parts = content if isinstance(content, list) else []
        asked = [call["id"] for call in entry.get("tool_calls") or ()]
        asked += [part["id"] for part in parts if part["type"] == "tool_use"]
        behind = body["messages"][i + 1 :]
        if any(part["type"] == "tool_use" for part in parts):
            given = [part["tool_use_id"] for part in behind[0]["content"] if part["type"] == "tool_result"]
        else:
            given = list[Any]()
            for later in behind:
                if later["role"] != "tool":
                    break
                given.append(later["tool_call_id"])
        if asked:
            found.append((asked, given))
    return found


@pytest.mark.parametrize(
    ("model", "script"),
    [("openai/gpt-4o", openai), ("vllm/small", openai), ("anthropic/claude-opus-4-5", claude)],
)
def test_results_of_parallel_tools_reach_the_provider_in_its_own_format_over_several_rounds(
    workdir: Path, monkeypatch: pytest.MonkeyPatch, model: str, script: Any
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    with Loopback(script) as server:
        url = server.url if script is openai else server.url.removesuffix("/v1")
        Path("s.yaml").write_text(SCENARIO.format(model=model, url=url))
        told = CliRunner().invoke(app, ["run", "s.yaml", "--out", "run", "--concurrency", "1"])
        assert told.exit_code == 0, told.output
        bodies = [json.loads(one.body) for one in server.seen if "You code." in one.body]
    run = load("run")
    assert run.tickets["state"].tolist() == ["done", "done"]
    turns = run.calls[run.calls["actor"] == "coder"].groupby("round").size()
    assert turns.tolist() == [3, 3]  # two rounds of work, each with two tools at once, then one, then a reply
    exchanged = pairs(bodies[-1])
    assert [len(asked) for asked, _ in exchanged] == [2, 1, 2, 1]
    assert all(asked == given for asked, given in exchanged)
    if script is claude:
        assert all(entry["role"] in ("user", "assistant") for entry in bodies[-1]["messages"])
    record = transcript(Path("run"), {"task": "t"}).record
    assert all(step.intact for turn in record.turns for step in turn.steps)
