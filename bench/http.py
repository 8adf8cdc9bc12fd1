"""How many calls a second agentlab's HTTP path makes, beside the bare SDK's in the same run.

    python bench/http.py [--callers 200] [--calls 1000] [--latency 0.05] [--processes 2]

Callers ask a loopback server in a child process, which answers after a fixed latency. Both sides are measured in turns,
several times, the first to go changing; medians are printed, so that other work on the machine hurts both alike. With
`--processes`, a third side sends through so many processes of its own; `spread_ratio` is its rate over that of `ours`.

What limits how many requests are open at once: the callers; the adaptive limit, which starts at 16 and doubles up to
what is asked for; and the processor, since with L seconds of latency and C of processor time for a call, no more than
L/C are open however many callers there are. Give many callers a long latency to see them open: `--latency 8`.
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
from dataclasses import dataclass
from multiprocessing.connection import Connection
from statistics import median
from types import SimpleNamespace
from typing import Any

from openai import AsyncOpenAI

from agentlab.experiment.work import seldom_collected
from agentlab.interfaces import Model
from agentlab.models import ModelSpec
from agentlab.models.retry import RetryingModel
from agentlab.models.serve import serve
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

    def __init__(self, latency: float, opened: Any) -> None:
        self.latency, self.opened = latency, opened
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
            self.opened.now += 1
            self.opened.most = max(self.opened.most, self.opened.now)
            asyncio.get_running_loop().call_later(self.latency, self.answer)

    def answer(self) -> None:
        self.opened.now -= 1
        if not self.transport.is_closing():
            self.transport.write(_HEAD + REPLY)


def serve_forever(latency: float, there: Connection) -> None:
    """The child process: tells its port, then the most requests open at once since it was last asked, until None."""
    opened = SimpleNamespace(now=0, most=0)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Answering(latency, opened), "127.0.0.1", 0, backlog=1000)
        there.send(server.sockets[0].getsockname()[1])
        while await asyncio.to_thread(there.recv) is not None:
            there.send(opened.most)
            opened.most = opened.now
        server.close()

    asyncio.run(main())


@dataclass(frozen=True, slots=True)
class Turn:
    """One side once: calls a second, processor seconds of this process for a call, most requests open at the server."""

    rate: float
    cpu: float
    opened: int


async def play(call: Callable[[int], Awaitable[Any]], callers: int, calls: int, server: Connection) -> Turn:
    """What `callers` get done that each wait for their answer before they ask again."""
    left = iter(range(calls))

    async def caller() -> None:
        for number in left:
            await call(number)

    server.send("opened")
    server.recv()
    began, used = time.perf_counter(), time.process_time()
    async with asyncio.TaskGroup() as group:
        for _ in range(callers):
            group.create_task(caller())
    seconds, cpu = time.perf_counter() - began, time.process_time() - used
    server.send("opened")
    return Turn(calls / seconds, cpu / calls, server.recv())


def request(number: int) -> Request:
    return Request((ChatMessage("user", PROMPT),), Settings(max_tokens=100), (), Where("r", "a", 1, 0, 1, number))


async def measure(url: str, callers: int, calls: int, turns: int, server: Connection, processes: int) -> dict[str, Any]:
    """All sides in turns."""
    bare = AsyncOpenAI(api_key="EMPTY", base_url=url, max_retries=0, timeout=600)
    entry = {"name": "openai/bench", "base_url": url}
    specs = {"ours": ModelSpec.model_validate(entry)}
    if processes:  # at another address, since entries of one account share its processes
        there = url.replace("127.0.0.1", "localhost")
        specs["spread"] = ModelSpec.model_validate({**entry, "base_url": there, "processes": processes})

    async def ask_bare(number: int) -> None:
        create: Any = bare.chat.completions.create
        messages = [{"role": "user", "content": PROMPT}]
        await create(model="bench", messages=messages, max_tokens=100, seed=number)

    def asks(model: Model) -> Callable[[int], Awaitable[Any]]:
        return lambda number: model.complete(request(number))

    with seldom_collected():  # as in a run; it speeds up both sides
        async with serve(specs) as models, bare:
            sides: dict[str, Callable[[int], Awaitable[Any]]] = {side: asks(model) for side, model in models.items()}
            sides["bare"] = ask_bare
            model = models["ours"]
            played: list[dict[str, Turn]] = []
            for turn in range(turns + 1):
                order = sorted(sides, reverse=turn % 2 == 0)
                played.append({side: await play(sides[side], callers, calls, server) for side in order})
            limit = model.limits.limit if isinstance(model, RetryingModel) else None
    measured = played[1:]  # the first opens the connections and finds the limit
    spread: dict[str, Any] = {}
    if processes:
        spread = {
            "spread_calls_per_s": round(median(turn["spread"].rate for turn in measured), 1),
            "spread_ratio": round(median(turn["spread"].rate / turn["ours"].rate for turn in measured), 3),
            "spread_cpu_ms_per_call": round(median(turn["spread"].cpu for turn in measured) * 1000, 2),
            "processes": processes,
        }
    return {
        "calls_per_s": round(median(turn["ours"].rate for turn in measured), 1),
        "bare_calls_per_s": round(median(turn["bare"].rate for turn in measured), 1),
        "ratio": round(median(turn["ours"].rate / turn["bare"].rate for turn in measured), 3),
        "cpu_ms_per_call": round(median(turn["ours"].cpu for turn in measured) * 1000, 2),
        "bare_cpu_ms_per_call": round(median(turn["bare"].cpu for turn in measured) * 1000, 2),
        "open_at_once": max(turn["ours"].opened for turn in measured),
        "bare_open_at_once": max(turn["bare"].opened for turn in measured),
        "adaptive_limit": limit,
        "callers": callers,
        "calls": calls,
        "turns": turns,
        "cpus": os.cpu_count(),
        **spread,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--callers", type=int, default=200)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--latency", type=float, default=0.05)
    parser.add_argument("--turns", type=int, default=TURNS)
    parser.add_argument("--processes", type=int, default=0, help="Of a third side, which sends through them.")
    options = parser.parse_args()
    here, there = multiprocessing.Pipe()
    child = multiprocessing.Process(target=serve_forever, args=(options.latency, there), daemon=True)
    child.start()
    try:
        url = f"http://127.0.0.1:{here.recv()}/v1"
        print(
            json.dumps(
                asyncio.run(measure(url, options.callers, options.calls, options.turns, here, options.processes))
            )
        )
        here.send(None)
    finally:
        child.terminate()
        child.join()


if __name__ == "__main__":
    main()
