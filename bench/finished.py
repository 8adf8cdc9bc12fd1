"""What it takes to come back to a large finished run: `python bench/finished.py [ROLLOUTS …]`.

Runs of these sizes (20, 20,000 and 50,000) are played to their end on a simulated model: a pair of agents against a
single one on ten tasks, with a match judge and a rubric of two criteria. Then come the commands on them, each a process
of its own: the same `run` typed again, with its table and with `--quiet`, `stats` and `report`.

Prints JSON. By size and command: seconds of processor time, seconds until the first line is printed, and peak memory in
MB. By command, `growth`: the processor time per rollout in the largest run over that in the one before it, where both
are counted beyond the smallest run, which stands for the start of Python. It is 1 where time is proportional to size.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

COMMAND = [sys.executable, "-u", str(Path(sys.executable).with_name("agentlab"))]
TASKS, ARMS = 10, 2
FEWEST_SIZES = 3
"""A start, and two of which the growth is told."""
SCENARIO: dict[str, Any] = {
    "spec": 1,
    "name": "finished",
    "models": {
        "default": {"name": "sim/replies", "options": {"replies": {"*": {"It is A.": 0.4, "It is B.": 0.6}}}},
        "judge": {"name": "sim/replies", "options": {"scores": {"*": {"1": 0.2, "2": 0.2, "3": 0.3, "4": 0.3}}}},
    },
    "tasks": {f"t{i}": {"prompt": f"A or B? This is question {i}.", "target": "A"} for i in range(TASKS)},
    "organization": {
        "agents": {"writer": {}, "checker": {}},
        "protocol": {"kind": "chain", "stages": [["writer"], ["checker"]]},
        "rounds": 2,
    },
    "factors": {
        "team": {
            "pair": {},
            "solo": {"organization": {"cast": ["writer"], "protocol": {"kind": "chain", "stages": [["writer"]]}}},
        }
    },
    "judges": {
        "right": {"kind": "match", "by": "choice", "choices": ["A", "B"]},
        "rubric": {
            "kind": "rubric",
            "criteria": {"clear": {"text": "Is it clear?"}, "short": {"text": "Is it short?"}},
        },
    },
    "measures": {"correct": {"judge": "right"}, "quality": {"judge": "rubric", "criteria": "all", "range": [0, 1]}},
    "seed": 1,
}


def measured(command: list[str]) -> dict[str, float]:
    """One process."""
    started = time.perf_counter()
    process = subprocess.Popen([*COMMAND, *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    process.stdout.readline()
    first_line = time.perf_counter() - started
    process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"agentlab {' '.join(command)} ended with {process.returncode}")
    cpu = used.ru_utime + used.ru_stime
    return {"cpu_s": cpu, "first_line_s": first_line, "peak_mb": used.ru_maxrss / 1024}


def finished(rollouts: int, place: Path) -> dict[str, dict[str, float]]:
    """By command, on a run of so many rollouts."""
    scenario, folder = place / f"{rollouts}.yaml", str(place / str(rollouts))
    scenario.write_text(json.dumps({**SCENARIO, "draws": rollouts // (TASKS * ARMS)}))
    run = ["run", str(scenario), "--out", folder]
    return {
        "played": measured([*run, "--quiet"]),
        "again_quiet": measured([*run, "--quiet"]),
        "again": measured(run),
        "stats": measured(["stats", folder]),
        "report": measured(["report", folder]),
    }


def growth(by_size: Mapping[int, Mapping[str, Mapping[str, float]]]) -> dict[str, float]:
    """By command."""
    least, middle, most = sorted(by_size)[-3:]
    start = by_size[least]

    def per_rollout(size: int, command: str) -> float:
        return (by_size[size][command]["cpu_s"] - start[command]["cpu_s"]) / (size - least)

    return {command: per_rollout(most, command) / per_rollout(middle, command) for command in start}


def rounded(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 2) for name, value in figures.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rollouts", type=int, nargs="*", default=[20, 20_000, 50_000], help="three sizes or more")
    sizes: set[int] = set(parser.parse_args().rollouts)
    if len(sizes) < FEWEST_SIZES:
        parser.error(f"{FEWEST_SIZES} different sizes or more are needed, such as 20 20000 50000, not {len(sizes)}")
    with tempfile.TemporaryDirectory() as place:
        by_size = {size: finished(size, Path(place)) for size in sorted(sizes)}
    figures = {str(size): {name: rounded(one) for name, one in commands.items()} for size, commands in by_size.items()}
    print(json.dumps({"rollouts": figures, "growth": rounded(growth(by_size))}))


if __name__ == "__main__":
    main()
