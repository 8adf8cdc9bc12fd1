"""A small model server on loopback that speaks the chat-completions API, counts what it is asked, and misbehaves.

Its replies are a function of the request's body alone, so that a run has one right outcome however it is disturbed.
"""

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Self

from agentlab.models.simulated import chatter
from agentlab.seeds import stream
from agentlab.types import ChatMessage, Request, Settings, Where

Body = Mapping[str, Any]
LOCAL = ("127.0.0.1", "::1", "localhost", None)


def refuse_the_world(patch: Callable[[Any, str, Any], None]) -> None:
    """Makes every socket refuse addresses beyond this machine, by `patch(object, name, value)`."""

    def guarded(name: str) -> Callable[..., Any]:
        real = getattr(socket.socket, name)

        def connect(self: socket.socket, address: Any) -> Any:
            if self.family != socket.AF_UNIX and address[0] not in LOCAL:
                raise AssertionError(f"a test reached for {address!r}")
            return real(self, address)

        return connect

    look_up = socket.getaddrinfo

    def getaddrinfo(host: Any, *rest: Any, **named: Any) -> Any:
        if host not in LOCAL:
            raise AssertionError(f"a test looked up {host!r}")
        return look_up(host, *rest, **named)

    for name in ("connect", "connect_ex"):
        patch(socket.socket, name, guarded(name))
    patch(socket, "getaddrinfo", getaddrinfo)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server does with one request. `raw` replaces the JSON of the reply; `delay` is in seconds."""

    text: str = ""
    act: Literal["reply", "hang", "close"] = "reply"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    raw: bytes | None = None
    delay: float = 0.0
    stop: str = "stop"
    model: str = ""
    """What the reply says of who served it; unless it is given, the model's name with `-served`."""


Script = Callable[[Body, int], Answer]
"""The answer to a body that was seen so many times before."""


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """One request: its canonical body, the id its reply carried, and whether it was answered as it should be."""

    body: str
    id: str
    healthy: bool
    headers: Mapping[str, str] = field(repr=False)


def talk(body: Body) -> str:
    """The text of a healthy reply: mail, output or a filled-in judge's form, drawn from a hash of the body."""
    chat = tuple(ChatMessage(one["role"], one["content"] or "") for one in body["messages"])
    where = Where("", "", 0, 0, 1, stream("loopback", body))
    return chatter.reply(Request(chat, Settings(), (), where)).text


def healthy(body: Body, before: int) -> Answer:
    return Answer(talk(body))


def slow(body: Body, before: int) -> Answer:
    """A healthy answer after a time that depends on the body, so that calls return in another order than asked."""
    return Answer(talk(body), delay=0.002 + stream("delay", body) % 30 / 1000)


def completion(text: str, id: str, body: Body, stop: str = "stop", model: str = "") -> dict[str, Any]:
    """The JSON of a reply."""
    asked = sum(len(one["content"] or "") for one in body["messages"]) // 4 + 1
    message = {"role": "assistant", "content": text}
    return {
        "id": id,
        "object": "chat.completion",
        "created": 0,
        "model": model or f"{body['model']}-served",
        "choices": [{"index": 0, "finish_reason": stop, "message": message, "logprobs": None}],
        "usage": {
            "prompt_tokens": asked,
            "completion_tokens": len(text) // 4 + 1,
            "total_tokens": asked + len(text) // 4 + 1,
        },
    }


class Loopback:
    """The server, in a thread of its own while the block lasts. `script` may be exchanged at any time."""

    def __init__(self, script: Script = healthy) -> None:
        self.script = script
        self.seen: list[RecordedRequest] = []
        self._news = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._tasks = set[asyncio.Task[None]]()
        self._room: int | None = None
        self._going = asyncio.Event()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"
        self._thread = threading.Thread(target=self._loop.run_forever, name="loopback", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def distinct(self) -> set[str]:
        """Bodies seen, which hold prompt and seed."""
        return {one.body for one in self.seen}

    def wait(self, many: int, timeout: float = 600.0) -> bool:
        """Waits until so many requests were seen in all; False if they do not come."""
        with self._news:
            return self._news.wait_for(lambda: len(self.seen) >= many, timeout)

    def pause(self, after: int) -> None:
        """Answers so many requests more; later ones wait until `go_on`, so that no client runs ahead of the test."""
        asyncio.run_coroutine_threadsafe(self._make_room(len(self.seen) + after), self._loop).result()

    def go_on(self) -> None:
        """Answers whatever waits and comes."""
        asyncio.run_coroutine_threadsafe(self._make_room(None), self._loop).result()

    def settle(self) -> None:
        """Waits until all that dead clients sent is seen and their connections are closed."""
        asyncio.run_coroutine_threadsafe(self._settle(), self._loop).result()

    async def _make_room(self, room: int | None) -> None:
        self._room = room
        if room is None:
            self._going.set()
        else:
            self._going.clear()

    async def _settle(self) -> None:
        for _ in range(10):  # a connection that waits to be accepted is accepted now
            await asyncio.sleep(0)
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def _held(self, reader: asyncio.StreamReader) -> None:
        """Waits until the server goes on, or until the client gives up."""
        waits = {asyncio.ensure_future(self._going.wait()), asyncio.ensure_future(reader.read())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()

    async def _stop(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        for task in list(self._tasks):
            with suppress(asyncio.CancelledError):
                await task

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head.split("\r\n"))
        }
        body: Body = json.loads(await reader.readexactly(int(headers.get("content-length", "0"))))
        key = json.dumps(body, sort_keys=True)
        with self._news:
            before = sum(one.body == key for one in self.seen)
            answer = self.script(body, before)
            plain = answer.act == "reply" and answer.status == 200 and answer.raw is None
            id = f"reply-{len(self.seen)}"
            held = self._room is not None and len(self.seen) >= self._room
            self.seen.append(RecordedRequest(key, id, plain, headers))
            self._news.notify_all()
        if held:
            await self._held(reader)
        if answer.delay:
            await asyncio.sleep(answer.delay)
        if answer.act == "hang":
            await reader.read()  # until the client gives up
        if answer.act != "reply":
            return False
        raw = (
            json.dumps(completion(answer.text, id, body, answer.stop, answer.model)).encode()
            if answer.raw is None
            else answer.raw
        )
        lines = {"content-type": "application/json", "content-length": str(len(raw)), **answer.headers}
        start = f"HTTP/1.1 {answer.status} Said\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        writer.write(f"{start}\r\n".encode() + raw)
        await writer.drain()
        return int(lines["content-length"]) == len(raw)
