"""What a sandbox costs: CPU time of a program inside it beside the same program bare, over 200 runs, two at a time.

Prints JSON. What is left afterwards (processes, mounts) is counted too.
"""

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from agentlab.tools.sandbox.backend import Sandbox, environment
from agentlab.tools.sandbox.detect import sandbox
from agentlab.tools.sandbox.run import run

PYTHON = f"{os.path.realpath(sys.base_prefix)}/bin"
COMMAND = [f"{PYTHON}/python3", "-I", "-S", "-c", "pass"]


def cpu() -> float:
    """Seconds of CPU time of this process and of all that it waited for."""
    itself, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return itself.ru_utime + itself.ru_stime + children.ru_utime + children.ru_stime


def processes() -> int:
    """Those of sandboxes: they have process ids of their own."""
    running = 0
    for path in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):
            lines = path.read_text().splitlines()
            running += any(line.startswith("NSpid:") and len(line.split()) > 2 for line in lines)
    return running


def mounts() -> int:
    return len(Path("/proc/mounts").read_text().splitlines())


async def inside(box: Sandbox, runs: int) -> None:
    """So many runs, two at a time."""
    rest = iter(range(runs))

    async def worker() -> None:
        for _ in rest:
            ended = await run(box, COMMAND, {"main.py": b"pass"})
            assert (ended.why, ended.code) == ("exit", 0), ended

    async with asyncio.TaskGroup() as group:
        group.create_task(worker())
        group.create_task(worker())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    runs = parser.parse_args().runs
    box = asyncio.run(sandbox())
    before = (processes(), mounts())
    began = cpu()
    for _ in range(runs):
        subprocess.run(COMMAND, env=environment(PYTHON), check=True)
    bare, began, clock = cpu() - began, cpu(), time.monotonic()
    asyncio.run(inside(box, runs))
    boxed, took = cpu() - began, time.monotonic() - clock
    figures = {
        "runs": runs,
        "bare_ms": round(bare / runs * 1000, 1),
        "sandboxed_ms": round(boxed / runs * 1000, 1),
        "cost_ms": round((boxed - bare) / runs * 1000, 1),
        "wall_ms_two_at_a_time": round(took / runs * 1000, 1),
        "processes_left": max(0, processes() - before[0]),
        "mounts_left": mounts() - before[1],
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
