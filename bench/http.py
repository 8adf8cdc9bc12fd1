"""How many calls a second agentlab's HTTP path makes, beside the bare SDK's in the same run.

    python bench/http.py [--callers 200] [--calls 1000] [--latency 0.05] [--seconds 45] [--processes 2]

Callers ask a loopback server in a child process, which answers after a fixed latency, or up to a hundredth of a second
later. All sides are measured in turns, several times, the first to go changing; medians are printed, so that other work
on the machine hurts all alike. With `--processes`, a third side sends through so many processes of its own;
`spread_ratio` is its rate over that of `ours`. The sides share `--seconds` equally. A turn lasts at least until each
caller has its first answer; where this alone takes longer than a side's share, it is played once (`turns_played`).

The server and the sending processes share the cores, so a rate tells of this machine only, and of nothing where
`cores_of_others`, the cores that programs beside this one kept busy meanwhile, is far from none. What each process used
of the processor for a call is printed too (read from /proc, so on Linux), and the server's part of it
(`server_share`). From that follows the `spread_ratio` that is possible on so many cores (`spread_ratio_by_cpu`), and
where each process has its own, so that the busiest one sets the pace (`spread_ratio_with_a_core_each`). Cores also slow
each other down: `machine_ratio` is how much more so many processes get done that only read JSON, each for itself. No
`spread_ratio` can be expected above it.

What limits how many requests are open at once: the callers; and the processor, since with L seconds of latency and C of
processor time for a call, no more than L/C are open however many callers there are. Give many callers a long latency to
see them open: `--latency 8`. The limit that adapts to a provider is set to the number of callers from the start.
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
from bench.cores import busy, cpu, machine_ratio

TURNS = 9
LEAST = 4
"""Turns of a side for which there is time, unless one call of each caller takes longer."""
WARM = 100
"""Calls of each side before the first turn."""
PROMPT = "What should the client do next? " * 20


@dataclass(frozen=True, slots=True)
class Turn:
    """One side once."""

    calls: int
    seconds: float
    cpu: Mapping[str, float]
    """Processor seconds by process."""
    others: float
    """Cores that other programs kept busy."""
    opened: int
    """Most requests open at the server."""

    @property
    def rate(self) -> float:
        return self.calls / self.seconds


@dataclass(slots=True)
class Side:
    """One way to send: its call, its turns, and the processes that work for it beside this one and the server."""

    call: Callable[[int], Awaitable[Any]]
    senders: Callable[[], list[int]] = list
    turns: dict[int, Turn] = field(default_factory=dict[int, Turn])
    """By round."""

    async def play(self, options: argparse.Namespace, calls: int, seconds: float, server: Any, server_pid: int) -> Turn:
        """What the callers get done that each wait for their answer before they ask again: so many calls at most, and
        for no longer than so many seconds once each has asked."""
        left, made = iter(range(calls)), 0

        async def caller() -> None:
            nonlocal made
            for number in left:
                await self.call(number)
                made += 1
                if time.perf_counter() - began > seconds:
                    return

        def used() -> dict[str, float]:
            senders = {f"sender_{i}": cpu(pid) for i, pid in enumerate(self.senders(), 1)}
            return {"main": time.process_time(), **senders, "server": cpu(server_pid)}

        server.send("opened")
        server.recv()
        began, before, all_before = time.perf_counter(), used(), busy()
        async with asyncio.TaskGroup() as group:
            for _ in range(options.callers):
                group.create_task(caller())
        took, after = time.perf_counter() - began, used()
        mine = {name: after[name] - before[name] for name in before}
        others = (busy() - all_before - sum(mine.values())) / took
        server.send("opened")
        return Turn(made, took, mine, others, server.recv())

    def has_time(self, share: float) -> bool:
        """Whether another turn fits into its share of the time."""
        took = [turn.seconds for turn in self.turns.values()]
        return not took or sum(took) + max(took) <= share

    def rate(self) -> float:
        return median(turn.rate for turn in self.turns.values())

    def cpu(self) -> dict[str, float]:
        """Microseconds for a call, over all turns, since the clock of other processes is coarse."""
        turns = self.turns.values()
        calls = sum(turn.calls for turn in turns)
        return {name: 1e6 * sum(turn.cpu[name] for turn in turns) / calls for name in self.turns[0].cpu}


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

    with seldom_collected():  # as in a run; it speeds up all sides
        async with serve(specs) as models, bare:
            sides = {"bare": Side(ask_bare), **{name: side(model) for name, model in models.items()}}
            for model in models.values():  # the search for the limit would take a thousand calls
                if isinstance(model, RetryingModel):
                    model.limits.limit = float(options.callers)
            await in_turns(sides, options, server, server_pid)
    return {**summary(sides), **vars(options), "cpus": os.cpu_count()}


def side(model: Model) -> Side:
    """One that sends as agentlab does."""
    inner: Any = model
    pool = getattr(inner.inner, "senders", None)
    senders = (lambda: [sender.process.get_pid() for sender in pool.running]) if pool is not None else list
    return Side(lambda number: model.complete(request(number)), senders)


async def in_turns(sides: Mapping[str, Side], options: argparse.Namespace, server: Any, server_pid: int) -> None:
    """Plays rounds until all have been played or no side has time left."""
    share = options.seconds / len(sides)
    for each in sides.values():  # what is loaded and started with the first calls
        await each.play(options, WARM, share, server, server_pid)
    for number in range(options.turns):
        for name in sorted(sides, reverse=number % 2 == 0):
            if sides[name].has_time(share):
                turn = await sides[name].play(options, options.calls, share / LEAST, server, server_pid)
                sides[name].turns[number] = turn


def summary(sides: Mapping[str, Side]) -> dict[str, Any]:
    """What is printed of the sides: rates, processor time, and the ratios of each turn's rates."""

    def ratio(one: str, other: str) -> float:
        turns, others = sides[one].turns, sides[other].turns
        return round(median(turns[number].rate / others[number].rate for number in turns.keys() & others), 3)

    used = {name: side.cpu() for name, side in sides.items()}
    found: dict[str, Any] = {
        "calls_per_s": {name: round(side.rate(), 1) for name, side in sides.items()},
        "cpu_us_per_call": {name: {who: round(us) for who, us in cpu.items()} for name, cpu in used.items()},
        "server_share": {name: round(cpu["server"] / sum(cpu.values()), 3) for name, cpu in used.items()},
        "cores_of_others": {
            name: round(median(turn.others for turn in side.turns.values()), 2) for name, side in sides.items()
        },
        "turns_played": {name: len(side.turns) for name, side in sides.items()},
        "open_at_once": {name: max(turn.opened for turn in side.turns.values()) for name, side in sides.items()},
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
    parser.add_argument("--calls", type=int, default=1000, help="Of a turn, at most.")
    parser.add_argument("--latency", type=float, default=0.05)
    parser.add_argument("--turns", type=int, default=TURNS, help="Of each side, at most.")
    parser.add_argument("--seconds", type=float, default=45, help="For all turns, in equal shares to the sides.")
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
