"""How many calls a second agentlab's HTTP path makes, beside the bare SDK's in the same run.

    python bench/http.py [--callers 200] [--calls 1000] [--latency 0.05] [--processes 2]

Callers ask a loopback server in a child process, which answers after a fixed latency. All sides are measured in turns,
several times, the first to go changing; medians are printed, so that other work on the machine hurts all alike. With
`--processes`, a third side sends through so many processes of its own; `spread_ratio` is its rate over that of `ours`.

The server and the sending processes share the cores, so a rate tells of this machine only. What each process used of
the processor for a call is printed too (read from /proc, so on Linux). From that follows the `spread_ratio` that is
possible on so many cores (`spread_ratio_by_cpu`), and where each process has its own, so that the busiest one sets the
pace (`spread_ratio_with_a_core_each`). Cores also slow each other down: `machine_ratio` is how much more so many
processes get done that only read JSON, each for itself. No `spread_ratio` can be expected above it.

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
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from openai import AsyncOpenAI

from agentlab.garbage import seldom_collected
from agentlab.interfaces import Model
from agentlab.models.retry import RetryingModel
from agentlab.models.serve import serve
from agentlab.models.spec import ModelSpec
from agentlab.types import ChatMessage, Request, Settings, Where
from bench.answering import serve_forever

TURNS = 9
PROMPT = "What should the client do next? " * 20


def cpu(pid: int) -> float:
    """Processor seconds of a process so far, to the hundredth."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Turn:
    """One side once: calls a second, microseconds of processor time for a call by process, most requests open at the
    server."""

    rate: float
    cpu: Mapping[str, float]
    opened: int


@dataclass(slots=True)
class Side:
    """One way to send: its call, its turns, and the processes that work for it beside this one and the server."""

    call: Callable[[int], Awaitable[Any]]
    senders: Callable[[], list[int]] = list
    turns: list[Turn] = field(default_factory=list[Turn])

    async def play(self, callers: int, calls: int, server: Any, server_pid: int) -> Turn:
        """What `callers` get done that each wait for their answer before they ask again."""
        left = iter(range(calls))

        async def caller() -> None:
            for number in left:
                await self.call(number)

        def used() -> dict[str, float]:
            senders = {f"sender_{i}": cpu(pid) for i, pid in enumerate(self.senders(), 1)}
            return {"main": time.process_time(), **senders, "server": cpu(server_pid)}

        server.send("opened")
        server.recv()
        began, before = time.perf_counter(), used()
        async with asyncio.TaskGroup() as group:
            for _ in range(callers):
                group.create_task(caller())
        seconds, after = time.perf_counter() - began, used()
        server.send("opened")
        return Turn(
            calls / seconds, {name: 1e6 * (after[name] - before[name]) / calls for name in before}, server.recv()
        )

    def rate(self) -> float:
        return median(turn.rate for turn in self.turns)

    def cpu(self) -> dict[str, float]:
        """Over all turns, since the clock of other processes is coarse."""
        return {name: sum(turn.cpu[name] for turn in self.turns) / len(self.turns) for name in self.turns[0].cpu}


def request(number: int) -> Request:
    return Request((ChatMessage("user", PROMPT),), Settings(max_tokens=100), (), Where("r", "a", 1, 0, 1, number))


async def measure(url: str, server: Any, server_pid: int, options: argparse.Namespace) -> dict[str, Any]:
    """All sides in turns."""
    bare = AsyncOpenAI(api_key="EMPTY", base_url=url, max_retries=0, timeout=600)
    entry = {"name": "openai/bench", "base_url": url}
    specs = {"ours": ModelSpec.model_validate(entry)}
    if options.processes:  # at another address, since entries of one account share its processes
        there = url.replace("127.0.0.1", "localhost")
        specs["spread"] = ModelSpec.model_validate({**entry, "base_url": there, "processes": options.processes})

    async def ask_bare(number: int) -> None:
        create: Any = bare.chat.completions.create
        messages = [{"role": "user", "content": PROMPT}]
        await create(model="bench", messages=messages, max_tokens=100, seed=number)

    def side(model: Model) -> Side:
        inner: Any = model
        pool = getattr(inner.inner, "senders", None)
        senders = (lambda: [sender.process.get_pid() for sender in pool.running]) if pool is not None else list
        return Side(lambda number: model.complete(request(number)), senders)

    with seldom_collected():  # as in a run; it speeds up all sides
        async with serve(specs) as models, bare:
            sides = {"bare": Side(ask_bare), **{name: side(model) for name, model in models.items()}}
            for each in sides.values():  # opens the connections and finds the limit
                await each.play(options.callers, options.calls + 3 * options.callers, server, server_pid)
            for number in range(options.turns):
                for name in sorted(sides, reverse=number % 2 == 0):
                    turn = await sides[name].play(options.callers, options.calls, server, server_pid)
                    sides[name].turns.append(turn)
            ours = models["ours"]
            limit = ours.limits.limit if isinstance(ours, RetryingModel) else None
    return {**summary(sides), "adaptive_limit": limit, **vars(options), "cpus": os.cpu_count()}


def read_json(times: int) -> None:
    """Work that needs nothing but a core and its memory."""
    for _ in range(times):
        json.loads(json.dumps({"text": PROMPT, "rows": list(range(200))}))


def machine_ratio(processes: int) -> float:
    """How much more so many processes get done at once than one alone."""

    def seconds(many: int) -> float:
        began = time.perf_counter()
        pool.map(read_json, [5000] * many, chunksize=1)
        return time.perf_counter() - began

    with multiprocessing.Pool(processes) as pool:
        seconds(processes)  # the first starts the processes
        return round(median(processes * seconds(1) / seconds(processes) for _ in range(TURNS)), 3)


def summary(sides: Mapping[str, Side]) -> dict[str, Any]:
    """What is printed of the sides: rates, processor time, and the ratios of each turn's rates."""

    def ratio(one: str, other: str) -> float:
        pairs = zip(sides[one].turns, sides[other].turns, strict=True)
        return round(median(a.rate / b.rate for a, b in pairs), 3)

    used = {name: side.cpu() for name, side in sides.items()}
    found: dict[str, Any] = {
        "calls_per_s": {name: round(side.rate(), 1) for name, side in sides.items()},
        "cpu_us_per_call": {name: {who: round(us) for who, us in cpu.items()} for name, cpu in used.items()},
        "open_at_once": {name: max(turn.opened for turn in side.turns) for name, side in sides.items()},
        "ratio": ratio("ours", "bare"),
    }
    if "spread" in sides:
        found["spread_ratio"] = ratio("spread", "ours")
        found["spread_ratio_by_cpu"] = round(pace(used["ours"]) / pace(used["spread"]), 3)
        alone = [max(us for who, us in used[name].items() if who != "server") for name in ("ours", "spread")]
        found["spread_ratio_with_a_core_each"] = round(alone[0] / alone[1], 3)
    return found


def pace(used: Mapping[str, float]) -> float:
    """Microseconds that a call takes at least on this machine's cores: one process runs on one core at a time."""
    return max(*used.values(), sum(used.values()) / (os.cpu_count() or 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--callers", type=int, default=200)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--latency", type=float, default=0.05)
    parser.add_argument("--turns", type=int, default=TURNS)
    parser.add_argument("--processes", type=int, default=0, help="Of a third side, which sends through them.")
    options = parser.parse_args()
    machine = {"machine_ratio": machine_ratio(options.processes)} if options.processes else {}
    here, there = multiprocessing.Pipe()
    child = multiprocessing.Process(target=serve_forever, args=(options.latency, there), daemon=True)
    child.start()
    assert child.pid is not None
    try:
        url = f"http://127.0.0.1:{here.recv()}/v1"
        print(json.dumps(asyncio.run(measure(url, here, child.pid, options)) | machine))
        here.send(None)
    finally:
        child.terminate()
        child.join()


if __name__ == "__main__":
    main()
