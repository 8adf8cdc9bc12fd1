"""Requests that leave from other processes: what comes of them is what comes of them here."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from msgspec.structs import replace

from agentlab.errors import ModelError, ScenarioError
from agentlab.interfaces import Model
from agentlab.models.senders.lines import Lines, Outbox
from agentlab.models.senders.pool import Sender, Senders, SentModel
from agentlab.models.serve import get_model, serve
from agentlab.models.spec import ModelSpec
from agentlab.models.storable import storable
from agentlab.types import ChatMessage, Completion, Request, Settings, ToolSpec, Where
from tests.support.loopback import Answer, Body, Loopback

pytestmark = pytest.mark.process
KEY = "sk-proj-of-the-account"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCOUNT_KEY", KEY)


def spec(server: Loopback, processes: int | None, **more: Any) -> ModelSpec:
    told = {"name": "openai/tiny", "base_url": server.url, "api_key_env": "ACCOUNT_KEY", "tries": 1, **more}
    return ModelSpec.model_validate({**told, "processes": processes, "capabilities": {"seed": True}})


def request(number: int, prompt: str = "What is due?") -> Request:
    chat = (ChatMessage("system", "You count.\n\nIn lines."), ChatMessage("user", f"{prompt} {number} ünï\u2028"))
    settings = Settings(temperature=0.5, max_tokens=100 + number, stop=("END",))
    tool = ToolSpec("add", "Adds.", {"type": "object", "properties": {"b": {}, "a": {}}})
    return Request(chat, settings, (tool,), Where("r", "ann", 1, number, 1, 2**62 + number))


async def outcomes(model: Model, number: int) -> list[Completion | tuple[Any, ...]]:
    """Of so many requests at once: completions without what differs from time to time, or what failed."""

    async def one(i: int) -> Completion | tuple[Any, ...]:
        try:
            return replace(storable(await model.complete(request(i))), seconds=None, request_id=None)
        except ModelError as error:
            return error.kind, error.message, error.retry_after

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(i)) for i in range(number)]
    return [task.result() for task in tasks]


def odd(body: Body, before: int) -> Answer:
    """Every kind of answer, by the request."""
    number = int(body["messages"][-1]["content"].split()[3])
    return (
        Answer("It is 42.\n\u2028é"),
        Answer("slow", delay=0.02),
        Answer("too much", status=429, headers={"retry-after": "7"}),
        Answer("no", status=400),
        Answer(raw=b'{"choices": [{"message": {"content": "\\ud83d", "role": "assistant"}, "finish_reason": "stop"}]}'),
        Answer(act="close"),
        Answer("cut", stop="length"),
    )[number % 7]


def test_what_comes_of_a_request_is_the_same_from_other_processes() -> None:
    async def both() -> tuple[Any, Any]:
        found: list[Any] = []
        for processes in (None, 2):
            async with serve({"default": spec(server, processes)}) as models:
                found.append(await outcomes(models["default"], 14))
        return found[0], found[1]

    with Loopback(odd) as server:
        here, there = asyncio.run(both())
        assert there == here
        assert {outcome[0] for outcome in here if isinstance(outcome, tuple)} == {"rate_limit", "fatal", "transient"}
        bodies = [one.body for one in server.seen]
        assert sorted(bodies[:14]) == sorted(bodies[14:])
        assert {one.headers["authorization"] for one in server.seen} == {f"Bearer {KEY}"}


def test_models_of_one_account_share_its_processes() -> None:
    async def shared() -> None:
        specs = {"a": spec(server, 2), "b": spec(server, None, name="openai/other"), "c": spec(server, 3)}
        async with serve(specs) as models:
            (senders,) = {id(sent(model).senders): sent(model).senders for model in models.values()}.values()
            assert senders.number == 3

    with Loopback() as server:
        asyncio.run(shared())


def hang(body: Body, before: int) -> Answer:
    return Answer(act="hang")


def yes(body: Body, before: int) -> Answer:
    return Answer("Yes.")


def test_what_is_not_answered_is_given_up_or_fails_with_its_process() -> None:
    async def asked() -> None:
        model = get_model(spec(server, 1))
        assert (await model.complete(request(0))).text == "Yes."
        sender = sent(model).senders.running[0]
        server.script = hang
        waiting = [asyncio.ensure_future(model.complete(request(i))) for i in range(2)]
        assert await asyncio.to_thread(server.wait, 3)
        waiting[0].cancel()
        await asyncio.wait(waiting[:1])
        assert len(sender.open) == 1
        kill(sender)
        with pytest.raises(ModelError, match="transient: the process that sent this request ended with exit code -9"):
            await waiting[1]
        server.script = yes
        assert (await model.complete(request(0))).text == "Yes."
        (another,) = sent(model).senders.running
        assert another is not sender
        kill(another)
        await another.ended.wait()
        await closed(model)

    with Loopback(yes) as server:
        asyncio.run(asked())


RUN = """
import asyncio, sys
from agentlab.models.spec import ModelSpec
from agentlab.models.serve import get_model
from tests.unit.models.test_senders import request, sent

async def main():
    model = get_model(ModelSpec.model_validate_json(sys.argv[1]))
    asked = [asyncio.ensure_future(model.complete(request(i))) for i in range(4)]
    while len(sent(model).senders.running) < 2:
        await asyncio.sleep(0.01)
    print(*(sender.process.get_pid() for sender in sent(model).senders.running), flush=True)
    await asyncio.wait(asked)

asyncio.run(main())
"""


@pytest.mark.slow
def test_the_processes_end_with_a_run_that_is_killed() -> None:
    with Loopback(hang) as server:
        command = [sys.executable, "-c", RUN, spec(server, 2).model_dump_json()]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
            assert run.stdout is not None
            pids = [int(pid) for pid in run.stdout.readline().split()]
            assert server.wait(4)
            run.kill()
        assert len(pids) == 2
        while any(map(is_running, pids)):
            time.sleep(0.01)


def test_only_models_behind_a_server_take_processes() -> None:
    with pytest.raises(ScenarioError, match="sim/chatter sends no requests that other processes could send"):
        get_model(ModelSpec.model_validate({"name": "sim/chatter", "processes": 2}))


def test_a_process_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    async def failing() -> None:
        with pytest.raises(ModelError, match=r"transient: .* ended with exit code 1: .*no_such_module"):
            await Senders(1).send("m", "{}", "", request(0))

    monkeypatch.setattr("agentlab.models.senders.pool.CHILD", "no_such_module")
    asyncio.run(failing())


def test_bytes_are_cut_into_lines_however_they_come() -> None:
    whole = b"one\ntwo\n\nthree and more\n"
    for step in range(1, len(whole) + 1):
        lines = Lines()
        cut = [line for at in range(0, len(whole), step) for line in lines.of(whole[at : at + step])]
        assert cut == [b"one", b"two", b"", b"three and more"]


class Pipe(asyncio.WriteTransport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = list[bytes]()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))


async def test_lines_of_one_turn_of_the_event_loop_leave_together() -> None:
    outbox = Outbox(pipe := Pipe())
    for turn in ((b"one\n", b"two\n"), (b"three\n",)):
        for text in turn:
            outbox.add(text)
        await asyncio.sleep(0)
    assert pipe.written == [b"one\ntwo\n", b"three\n"]


def is_running(pid: int) -> bool:
    """Whether it is there and has not ended; who adopts it may take its time to collect it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    if not sys.platform.startswith("linux"):
        return True
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def kill(sender: Sender) -> None:
    assert sender.process is not None
    os.kill(sender.process.get_pid(), signal.SIGKILL)


def sent(model: Model) -> SentModel:
    """The model below limits and retries."""
    inner: Any = model
    while not isinstance(inner, SentModel):
        inner = inner.inner
    return inner


async def closed(model: Any) -> None:
    aclose: Callable[[], Awaitable[None]] = model.aclose
    await aclose()
