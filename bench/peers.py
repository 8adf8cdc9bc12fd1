"""The same work with agentlab and with Inspect AI, in turns: calls a second, processor time, memory, bytes of the log.

    make bench-peers

Three agents write to each other in a ring, `--turns` model calls in each of `--rollouts` rollouts, 256 rollouts at
once, on a mock model in the same process that answers at once with the same text. agentlab runs the scenario of
`bench/engine.py`, commits each reply before it is used, and reads the mails from it. Inspect runs the solver of
`bench/inspect_ring.py`. Each turn is a process of its own, or five of agentlab; imports are not timed. Prints JSON with
the medians, and the ratios by which agentlab makes more calls or takes less.
"""

import os
import sys

if (HERE := os.path.dirname(os.path.abspath(__file__))) in sys.path:
    sys.path.remove(HERE)  # else the standard library's `import http` finds the bench of that name
    sys.path.insert(0, os.path.dirname(HERE))

import argparse
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from bench.inspect_ring import Ring, through_inspect

ROOT = Path(HERE).parent
SYSTEMS = {"ann": "You plan.", "ben": "You check.", "cat": "You write."}
REPLY = '<mail to="ben" subject="the plan">' + "We should look at the figures again before we write. " * 6 + "</mail>"


AGAIN = 5
"""Processes of agentlab in a turn: each ends within a second, which anything else on the machine may disturb."""


def through_agentlab(rollouts: int, turns: int) -> dict[str, float]:
    """The same figures as those of Inspect, as medians."""
    size = ["--rollouts", str(rollouts), "--turns", str(turns)]
    command = [sys.executable, str(ROOT / "bench/engine.py"), "--part", "agentlab", *size]
    played: list[dict[str, float]] = [
        json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout) for _ in range(AGAIN)
    ]
    return {name: median(figures[name] for figures in played) for name in played[0]}


def compared(python: Path, rollouts: int, turns: int, times: int) -> dict[str, Any]:
    """Both sides, one after the other; which goes first alternates."""
    ring = Ring(SYSTEMS, len(SYSTEMS), "Make a plan.", turns // len(SYSTEMS), rollouts, [REPLY])
    sides: dict[str, Callable[[], dict[str, float]]] = {
        "agentlab": lambda: through_agentlab(rollouts, turns),
        "inspect": lambda: through_inspect(python, ring),
    }
    turns_of: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    for turn in range(times):
        for side in sorted(sides, reverse=turn % 2 == 1):
            print(f"{side}, turn {turn + 1} of {times} ...", file=sys.stderr)
            turns_of[side].append(sides[side]())
    names = ("calls_per_s", "cpu_us_per_call", "log_bytes_per_call", "peak_mb")
    figures = {side: {name: median(turn[name] for turn in turns_of[side]) for name in names} for side in sides}
    ours, theirs = figures["agentlab"], figures["inspect"]
    ratios = {name: theirs[name] / ours[name] for name in names} | {
        "calls_per_s": ours["calls_per_s"] / theirs["calls_per_s"]
    }
    rounded = {side: {name: round(value, 2) for name, value in of.items()} for side, of in figures.items()}
    return {"rollouts": rollouts, "turns": turns, **rounded, "ratios": {n: round(r, 2) for n, r in ratios.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rollouts", type=int, default=300)
    parser.add_argument("--turns", type=int, default=12, help="Model calls of a rollout, three in each round.")
    parser.add_argument("--times", type=int, default=3, help="Turns of each side.")
    parser.add_argument("--python", type=Path, default=ROOT / ".venv-peers/bin/python", help="It has inspect-ai.")
    options = parser.parse_args()
    if not options.python.exists():
        sys.exit(f"{options.python} is not there; `make bench-peers` makes it")
    print(json.dumps(compared(options.python, options.rollouts, options.turns, options.times)))


if __name__ == "__main__":
    main()
