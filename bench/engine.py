"""Model calls a second of whole rollouts of three mailing agents, on a simulated model; replies are committed first.

The floor, measured in the same run, is what asyncio and SQLite alone need for as many acknowledged rows: as many tasks,
each waiting for the commit of one row of the same size per call, group-committed by one thread.

Then how long a fork of a log of 200 messages takes until its first new call is asked, beside what a replay of the same
log takes, for agents that remember all and for agents that remember nothing: medians in milliseconds. Prints JSON.
"""

import os
import sys

if (HERE := os.path.dirname(os.path.abspath(__file__))) in sys.path:
    sys.path.remove(HERE)  # else the standard library's `import http` finds the bench of that name

import argparse
import asyncio
import json
import resource
import sqlite3
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from queue import SimpleQueue
from typing import Any

REPLY = (
    '<mail to="{other}" subject="the plan">' + "We should look at the figures again before we write. " * 6 + "</mail>"
)
SCENARIO = """
spec: 1
name: bench
models: {{default: {{name: sim/replies, options: {{replies: {replies}}}}}}}
tasks: {{plan: {{prompt: Make a plan.}}}}
organization:
  agents: {{ann: {{system: You plan.}}, ben: {{system: You check.}}, cat: {{system: You write.}}}}
  protocol: {{kind: mail, start: [ann, ben, cat], contacts: {{ann: [ben], ben: [cat], cat: [ann]}}}}
  rounds: {rounds}
draws: {rollouts}
seed: 1
"""


def through_agentlab(rollouts: int, turns: int, concurrency: int, folder: Path) -> dict[str, float]:
    """Runs the scenario as `agentlab run` does, tables aside."""
    from agentlab.experiment.progress import Progress
    from agentlab.experiment.session import run
    from agentlab.experiment.specs import Selection
    from agentlab.scenario.loading import load as load_scenario

    ring = (("ann", "ben"), ("ben", "cat"), ("cat", "ann"))
    replies = {name: {REPLY.format(other=other): 1.0} for name, other in ring}
    scenario = folder / "bench.yaml"
    scenario.write_text(SCENARIO.format(rollouts=rollouts, rounds=turns // len(ring), replies=json.dumps(replies)))
    design, progress = load_scenario(scenario), Progress()
    started, processor = time.perf_counter(), time.process_time()
    asyncio.run(run(design, folder / "run", Selection(), progress, concurrency))
    seconds, processor = time.perf_counter() - started, time.process_time() - processor
    assert progress.made.calls == rollouts * turns, progress
    return {
        "calls_per_s": progress.made.calls / seconds,
        "ms_per_rollout": 1000 * seconds / rollouts,
        "cpu_us_per_call": 1e6 * processor / progress.made.calls,
        "log_bytes_per_call": sum(file.stat().st_size for file in (folder / "run").iterdir()) / progress.made.calls,
    }


def floor(rollouts: int, turns: int, concurrency: int, folder: Path) -> dict[str, float]:
    """Bare asyncio and SQLite: the same number of tasks, acknowledged commits and rows."""
    queue: SimpleQueue[tuple[tuple[object, ...], asyncio.Future[None]] | None] = SimpleQueue()

    def settle(futures: list[asyncio.Future[None]]) -> None:
        for future in futures:
            future.set_result(None)

    def write(loop: asyncio.AbstractEventLoop) -> None:
        connection = sqlite3.connect(folder / "floor.db", isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("CREATE TABLE calls (rollout INTEGER, turn INTEGER, text TEXT)")
        connection.execute("CREATE UNIQUE INDEX place ON calls (rollout, turn)")
        while True:
            group = [queue.get()]
            while not queue.empty():
                group.append(queue.get())
            items = [item for item in group if item is not None]
            connection.execute("BEGIN")
            connection.executemany("INSERT INTO calls VALUES (?, ?, ?)", [row for row, _ in items])
            connection.execute("COMMIT")
            loop.call_soon_threadsafe(settle, [future for _, future in items])
            if len(items) < len(group):
                return

    async def rollout_turns(rollout: int, window: asyncio.Semaphore) -> None:
        loop = asyncio.get_running_loop()
        for turn in range(turns):
            done: asyncio.Future[None] = loop.create_future()
            queue.put(((rollout, turn, REPLY), done))
            await done
        window.release()

    async def everything() -> float:
        thread = threading.Thread(target=write, args=(asyncio.get_running_loop(),))
        thread.start()
        window = asyncio.Semaphore(concurrency)
        started = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for rollout in range(rollouts):
                await window.acquire()
                group.create_task(rollout_turns(rollout, window))
        seconds = time.perf_counter() - started
        queue.put(None)
        await asyncio.to_thread(thread.join)
        return seconds

    processor = time.process_time()
    floor_calls_per_s = rollouts * turns / asyncio.run(everything())
    return {
        "floor_calls_per_s": floor_calls_per_s,
        "floor_cpu_us_per_call": 1e6 * (time.process_time() - processor) / (rollouts * turns),
    }


class Stopwatch:
    """A model that answers at once and notes when it was first asked."""

    name = "bench/stopwatch"

    def __init__(self) -> None:
        from agentlab.types import Capabilities

        self.capabilities, self.asked = Capabilities(frozenset(), seed=True), 0.0

    async def complete(self, request: Any) -> Any:
        from agentlab.types import Completion

        self.asked = self.asked or time.perf_counter()
        return Completion(REPLY.format(other="ben" if request.where.actor == "ann" else "ann"))


def forks(messages: int, times: int = 200) -> dict[str, float]:
    """Milliseconds until the first new call after the last round but one, by memory: forked, prepared and replayed."""
    from agentlab.engine.client import Client
    from agentlab.engine.cut import Cut
    from agentlab.engine.fork import prepare
    from agentlab.engine.play import play, start, step
    from agentlab.engine.spec import RolloutSpec, fork
    from agentlab.organization.agents import Agent, Organization
    from agentlab.organization.protocols.mail import MailConfig
    from agentlab.types import Task

    config = MailConfig(kind="mail", start=("ann",), contacts={"ann": ("ben",), "ben": ("ann",)})
    figures: dict[str, float] = {"messages": messages}
    for memory in ("all", "unread"):
        agents = tuple(Agent(name, f"You are {name}.", memory=memory) for name in ("ann", "ben"))
        organization = Organization(agents, config.build(("ann", "ben"), None, None), messages)
        spec = RolloutSpec("key", "bench", "all", organization, Task("plan", "Make a plan."), 1, seed=1)
        parent = asyncio.run(play(spec, Client({"default": Stopwatch()})))
        cut = Cut(messages - 1)
        kept = {(c.actor, c.round, c.k): c for c in parent.calls if c.round <= cut.round}

        async def first_call(
            index: int, replayed: bool, made: Any, watch: Stopwatch, spec: Any = spec, cut: Any = cut, kept: Any = kept
        ) -> float:
            began = time.perf_counter()
            client = Client({"default": watch}, recorded=kept if replayed else {})
            state = start(spec) if replayed else made.copy()
            which = spec if replayed else fork(spec, cut, index)
            while not watch.asked and await step(state, which, client):
                pass
            return 1000 * (watch.asked - began)

        began = time.perf_counter()
        made = prepare(organization, cut, parent.messages, list(kept.values()))
        figures[f"{memory}_prepare_ms"] = 1000 * (time.perf_counter() - began)
        for name, replayed, n in (("fork", False, times), ("replay", True, max(3, times // 20))):
            taken = [asyncio.run(first_call(i + 1, replayed, made, Stopwatch())) for i in range(n)]
            figures[f"{memory}_{name}_ms"] = statistics.median(taken)
    return figures


def main() -> None:
    """Each part in a process of its own, so that the peak of memory is that of agentlab."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rollouts", type=int, default=2000)
    parser.add_argument("--turns", type=int, default=12, help="Of a rollout, three in each round.")
    parser.add_argument("--concurrency", type=int, default=256)
    parser.add_argument("--part", choices=("agentlab", "floor", "forks"))
    parser.add_argument("--messages", type=int, default=200, help="Of the log that is forked.")
    options = parser.parse_args()
    if options.part == "forks":
        print(json.dumps(forks(options.messages)))
        return
    if options.part:
        work = through_agentlab if options.part == "agentlab" else floor
        with tempfile.TemporaryDirectory() as folder:
            measured = work(options.rollouts, options.turns, options.concurrency, Path(folder))
        if options.part == "agentlab":
            measured["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(measured))
        return
    figures: dict[str, float] = {
        "rollouts": options.rollouts,
        "turns": options.turns,
        "concurrency": options.concurrency,
    }
    for part in ("agentlab", "floor", "forks"):
        command = [sys.executable, __file__, *sys.argv[1:], "--part", part]
        figures |= json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    figures["floor_ratio"] = figures["floor_calls_per_s"] / figures["calls_per_s"]
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
