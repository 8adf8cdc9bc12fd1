"""How many calls a second agentlab's HTTP path makes, beside the bare SDK's in the same run.

    python bench/http.py [--callers 200] [--calls 1000] [--latency 0.05]

Callers ask a loopback server in a child process, which answers after a fixed latency. Both sides are measured in turns,
several times, the first to go changing; medians are printed, so that other work on the machine hurts both alike.
"""

import os
import sys

if (HERE := os.path.dirname(os.path.abspath(__file__))) in sys.path:
    sys.path.remove(HERE)  # else the standard library's `import http` finds this file

import argparse
import asyncio
import json
import multiprocessing
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from statistics import median
from typing import Any

from openai import AsyncOpenAI

from agentlab.interfaces import Model
from agentlab.models import ModelSpec, serve
from agentlab.types import ChatMessage, Request, Settings, Where

TURNS = 9
PROMPT = "What should the client do next? " * 20
_MESSAGE = {"role": "assistant", "content": "The client should mail fewer people. " * 10}
REPLY = json.dumps(
    {
        "id": "cmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "bench",
        "choices": [{"index": 0, "message": _MESSAGE, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 140, "completion_tokens": 70, "total_tokens": 210},
    }
).encode()
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(REPLY)


class Answering(asyncio.Protocol):
    """Answers every POST on a kept-alive connection after the latency, without reading it closely."""

    def __init__(self, latency: float) -> None:
        self.latency = latency
        self.buffer = b""
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0])
            if len(self.buffer) < end + 4 + length:
                return
            self.buffer = self.buffer[end + 4 + length :]
            asyncio.get_running_loop().call_later(self.latency, self.answer)

    def answer(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(_HEAD + REPLY)


def serve_forever(latency: float, ready: Connection) -> None:
    """The child process: tells its port, then serves until it is terminated."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Answering(latency), "127.0.0.1", 0, backlog=1000)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


async def rate(call: Callable[[int], Awaitable[Any]], callers: int, calls: int) -> float:
    """Calls a second of `callers` that each wait for their answer before they ask again."""
    left = iter(range(calls))

    async def caller() -> None:
        for number in left:
            await call(number)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(callers):
            group.create_task(caller())
    return calls / (time.perf_counter() - began)


def request(number: int) -> Request:
    return Request((ChatMessage("user", PROMPT),), Settings(max_tokens=100), (), Where("r", "a", 1, 0, 1, number))


async def measure(url: str, callers: int, calls: int) -> dict[str, Any]:
    """Both sides in turns."""
    bare = AsyncOpenAI(api_key="EMPTY", base_url=url, max_retries=0)
    spec = ModelSpec.model_validate({"name": "openai/bench", "base_url": url})

    async def ask_bare(number: int) -> None:
        create: Any = bare.chat.completions.create
        messages = [{"role": "user", "content": PROMPT}]
        await create(model="bench", messages=messages, max_tokens=100, seed=number)

    async with serve({"default": spec}) as models, bare:
        model: Model = models["default"]

        async def ask_ours(number: int) -> None:
            await model.complete(request(number))

        sides = {"ours": ask_ours, "bare": ask_bare}
        turns: list[dict[str, float]] = []
        for turn in range(TURNS + 1):
            order = sorted(sides, reverse=turn % 2 == 0)
            turns.append({side: await rate(sides[side], callers, calls) for side in order})
    measured = turns[1:]  # the first opens the connections and finds the limit
    return {
        "calls_per_s": round(median(turn["ours"] for turn in measured), 1),
        "bare_calls_per_s": round(median(turn["bare"] for turn in measured), 1),
        "ratio": round(median(turn["ours"] / turn["bare"] for turn in measured), 3),
        "callers": callers,
        "calls": calls,
        "turns": TURNS,
        "cpus": os.cpu_count(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--callers", type=int, default=200)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--latency", type=float, default=0.05)
    options = parser.parse_args()
    here, there = multiprocessing.Pipe()
    child = multiprocessing.Process(target=serve_forever, args=(options.latency, there), daemon=True)
    child.start()
    try:
        url = f"http://127.0.0.1:{here.recv()}/v1"
        print(json.dumps(asyncio.run(measure(url, options.callers, options.calls))))
    finally:
        child.terminate()
        child.join()


if __name__ == "__main__":
    main()
