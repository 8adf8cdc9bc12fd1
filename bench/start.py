"""How long a command takes to answer: `--help`, `check` of the largest shipped scenario, and 1 MB of unclosed tags.

Whole processes, the median of several; beside them the interpreter alone, which nothing can undercut. Prints JSON.
"""

import os
import sys

if (HERE := os.path.dirname(os.path.abspath(__file__))) in sys.path:
    sys.path.remove(HERE)  # else the standard library's `import http` finds the bench of that name

import json
import subprocess
import time
from pathlib import Path
from statistics import median

from agentlab.organization.tags import parse
from agentlab.scenario import load
from agentlab.scenario.library import names, scenario

RUNS = 9
COMMAND = [str(Path(sys.executable).with_name("agentlab"))]


def seconds(command: list[str]) -> float:
    """Median wall time of the command over several runs, after one that warms the caches."""
    times: list[float] = []
    for _ in range(RUNS + 1):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    return median(times[1:])


def size(name: str) -> int:
    """Prompts of all conditions together, in characters."""
    design = load(name)
    tasks = sum(len(task.prompt) for one in design.conditions for task in one.tasks.values())
    return tasks + sum(len(agent.system) for one in design.conditions for agent in one.organization.agents)


def main() -> None:
    """Measures everything in turn."""
    largest = max(names("scenarios"), key=size)
    tags = '<mail to="x">' * 80_000
    started = time.perf_counter()
    parse(tags)
    parsed = time.perf_counter() - started
    figures = {
        "python_s": seconds([sys.executable, "-c", "pass"]),
        "help_s": seconds([*COMMAND, "--help"]),
        "check_s": seconds([*COMMAND, "check", str(scenario(largest))]),
        "parse_1mb_s": parsed,
    }
    print(json.dumps({"largest": largest, **{name: round(value, 3) for name, value in figures.items()}}))


if __name__ == "__main__":
    main()
