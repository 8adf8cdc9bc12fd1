"""Programs that agents run and that ask a model: their calls are the rollout's, whatever becomes of the command."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from agentlab_cli.main import app
from typer.testing import CliRunner

from agentlab.errors import ProgramError, SandboxError
from agentlab.runs.frames import load
from agentlab.runs.transcript import transcript
from agentlab.tools.sandbox.detect import sandbox
from agentlab.tools.sandbox.proxy import AT_ONCE, proxy
from agentlab.types import Call, ChatMessage, Completion, ProgramModel, Settings, Usage

SCENARIO = """\
spec: 1
name: asking
seed: 3
models:
  default:
    name: sim/replies
    price: {input: 1, output: 1}
    options:
      calls: {ann: {run: {command: python3 ask.py}}}
      replies: {ann: {"<done>Done.</done>": 1}, product/ann: {"Yes.": 0.5, "No.": 0.5}}
tasks:
  t:
    prompt: Run it.
    fields:
      files:
        ask.py: |
          import json, os, urllib.error, urllib.request
          def ask(text):
              body = json.dumps({"messages": [{"role": "user", "content": text}], "temperature": 0.5}).encode()
              url, kind = os.environ["OPENAI_BASE_URL"] + "/chat/completions", {"Content-Type": "application/json"}
              try: reply = urllib.request.urlopen(urllib.request.Request(url, body, kind), timeout=20)
              except urllib.error.HTTPError as error: return error.code
              return json.load(reply)["choices"][0]["message"]["content"]
          print(ask("Hot?"), ask("Cold?"), ask("Hot?"), ask("word " * 300), ask("More?"))
organization:
  agents: {ann: {tools: [run]}}
  protocol: {kind: board, workers: [ann]}
  programs: {model: default, tokens: 300}
"""


@pytest.mark.process
def test_what_programs_ask_is_recorded_priced_limited_shown_and_not_asked_again(workdir: Path) -> None:
    try:
        asyncio.run(sandbox())
    except SandboxError as error:
        pytest.skip(str(error))
    Path("s.yaml").write_text(SCENARIO)
    told = CliRunner().invoke(app, ["run", "s.yaml", "--out", "run"])
    assert told.exit_code == 0, told.output
    run = load("run")
    asked = run.calls[run.calls["purpose"] == "product"]
    assert set(asked["actor"]) == {"product/ann"}
    assert len(asked) == asked["k"].nunique() == 4
    assert (asked["cost"] > 0).all()
    assert run.rollouts["calls"].tolist() == [6]
    record = transcript(run.folder, {"task": "t"})
    result = record.record.turns[0].steps[0].call.tool_results[0].content
    assert result.split()[-4:] == ["403", "Exit", "code", "0."]
    assert all(step.intact for turn in record.record.turns for step in turn.steps)
    assert "1/ann · a program asked" in str(record)
    assert "│ user: Cold?" in str(record)
    assert run.meta["sandboxes"][0].startswith(("bubblewrap", "docker", "podman"))
    assert CliRunner().invoke(app, ["run", "s.yaml", "--out", "run"]).exit_code == 0
    assert len(load("run").calls) == 6
    limited = SCENARIO + "limits: {rollout: {tokens: 100}}\n"
    Path("limited.yaml").write_text(limited)
    CliRunner().invoke(app, ["run", "limited.yaml", "--out", "limited"])
    assert load("limited").rollouts["status"].tolist() == ["limit"]


def model(answers: list[Call | Exception], tokens: int = 100) -> ProgramModel:
    async def ask(chat: tuple[ChatMessage, ...], settings: Settings, k: int) -> Call:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return ProgramModel(ask, frozenset({"max_tokens"}), tokens)


def call(text: str | None, error: str | None = None) -> Call:
    made = None if text is None else Completion(text, usage=Usage(5, 5))
    return Call("product/a", 1, 0, 1, "m", Settings(), "", made, error=error)


async def sent(path: Path, raw: bytes) -> tuple[int, Any]:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(raw)
    answer = await reader.read(1 << 20)
    writer.close()
    if not answer:
        return 0, None
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def request(body: dict[str, Any], path: str = "/v1/chat/completions") -> bytes:
    data = json.dumps(body).encode()
    return f"POST {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data


ASK: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi."}]}
REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({}, 400, "KeyError"),
    ({"messages": []}, 400, "the last message must be the user's"),
    ({**ASK, "stream": True}, 400, "stream cannot be used here"),
    ({**ASK, "n": 2}, 400, "n cannot be used here"),
    ({**ASK, "tools": [1]}, 400, "tools cannot be used here"),
    ({**ASK, "response_format": {"type": "json_object"}}, 400, "response_format cannot be used here"),
    ({**ASK, "temperature": 1}, 400, "the model does not take temperature"),
    ({**ASK, "max_tokens": "many"}, 400, "max_tokens"),
    ({"messages": [{"role": "tool", "content": "x"}]}, 400, "KeyError"),
    *(({**ASK, "max_tokens": number}, 400, "max_tokens must be from 1") for number in (0, -5, 10**30)),
    *(({**ASK, "temperature": number}, 400, "temperature must be from 0 to 2") for number in (-1, 99, float("nan"))),
    ({**ASK, "stop": ["\ud83d"]}, 400, "surrogates not allowed"),
]


@pytest.mark.parametrize(("body", "status", "words"), REFUSED)
def test_what_cannot_be_answered_as_it_is_meant_is_refused(body: dict[str, Any], status: int, words: str) -> None:
    async def go() -> tuple[int, Any]:
        async with proxy(model([])) as path:
            return await sent(path, request(body))

    found, reply = asyncio.run(go())
    assert found == status
    assert words in reply["error"]["message"]


HOSTILE = {
    b"": 0,
    b"\0\xff\r\n\r\n": 0,
    b"GET\r\n\r\n": 0,
    b"GET /v1/models HTTP/1.1\r\n\r\nX": 200,
    b"GET / HTTP/1.1\r\n\r\n\n": 404,
    b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n": 413,
    b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n": 413,
    b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n": 0,
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n": 411,
    b"POST / HTTP/1.1\r\n" + b"A: b\r\n" * 200: 431,
    b"POST / HTTP/1.1\r\n" + b"A" * 200_000: 0,
}


@pytest.mark.parametrize("raw", HOSTILE)
def test_what_is_no_request_ends_its_connection_alone(raw: bytes) -> None:
    async def go() -> tuple[int, int]:
        async with proxy(model([call("Hello.")])) as path:
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(raw)
            writer.write_eof()
            line = await reader.readline()
            writer.close()
            status, _ = await sent(path, request(ASK))
            return int(line.split()[1]) if line else 0, status

    assert asyncio.run(go()) == (HOSTILE[raw], 200)


async def at_once(many: int, tokens: int) -> dict[int, int]:
    """How often each status answers so many questions, which all wait for an answer at once."""

    async def ask(chat: tuple[ChatMessage, ...], settings: Settings, k: int) -> Call:
        await asyncio.sleep(0.01)
        return call("x")

    async with proxy(ProgramModel(ask, frozenset(), tokens)) as path, asyncio.TaskGroup() as group:
        tasks = [group.create_task(sent(path, request(ASK))) for _ in range(many)]
    return dict(Counter(task.result()[0] for task in tasks))


def test_a_budget_ends_in_403_and_a_failure_that_is_not_the_programs_is_raised_at_the_end() -> None:
    async def go(*answers: Call | Exception, tokens: int = 100) -> list[int]:
        statuses = list[int]()
        async with proxy(model(list(answers), tokens)) as path:
            for _ in answers:
                statuses.append((await sent(path, request(ASK)))[0])
        return statuses

    assert asyncio.run(go(call("a"), call("b"), call("c"), tokens=15)) == [200, 200, 403]
    assert asyncio.run(go(call(None, "too_long: the prompt"), call("b"))) == [400, 200]
    statuses = asyncio.run(at_once(60, tokens=100))
    assert set(statuses) == {200, 403}
    assert statuses[200] < 10 + AT_ONCE
    with pytest.raises(ProgramError, match="transient: gone"):
        asyncio.run(go(call(None, "transient: gone"), call("b")))


def test_the_place_of_a_call_does_not_depend_on_who_asks_first() -> None:
    async def go(order: list[str]) -> set[tuple[str, int]]:
        found = set[tuple[str, int]]()

        async def ask(chat: tuple[ChatMessage, ...], settings: Settings, k: int) -> Call:
            found.add((chat[-1].content, k))
            return call("x")

        async with proxy(ProgramModel(ask, frozenset(), 1000), (0, 1)) as path:
            for text in order:
                await sent(path, request({"messages": [{"role": "user", "content": text}]}))
        return found

    first = asyncio.run(go(["a", "b", "a", "c"]))
    assert first == asyncio.run(go(["c", "a", "a", "b"]))
    assert len({k for _, k in first}) == 4
