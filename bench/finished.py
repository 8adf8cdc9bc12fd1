"""What it takes to come back to a large finished run: `python bench/finished.py [ROLLOUTS …]`.

Runs of these sizes (20,000 and 50,000) are played to their end on a simulated model: a pair of agents and a single one
on ten tasks, a match judge, and a rubric of two criteria. Then the commands on them, each a process of its own: `stats`
with the time to its first line, `report`, and the `run` that was finished typed again, with its table and with
`--quiet`. Prints JSON: seconds of processor time, seconds to the first line, and peak memory in MB by size; and by
command `growth`, the processor time of a rollout in the largest run over that in the smallest. It is 1 where the time
is proportional to the size, less where starting Python counts, and 2.5 where it grows as the square of these sizes.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

COMMAND = [sys.executable, "-u", str(Path(sys.executable).with_name("agentlab"))]
TASKS, ARMS = 10, 2
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rollouts", type=int, nargs="*", default=[20_000, 50_000])
    sizes: list[int] = sorted(parser.parse_args().rollouts)
    with tempfile.TemporaryDirectory() as place:
        by_size = {size: finished(size, Path(place)) for size in sizes}
    first, last = by_size[sizes[0]], by_size[sizes[-1]]
    share = sizes[0] / sizes[-1]
    growth = {name: round(share * last[name]["cpu_s"] / first[name]["cpu_s"], 2) for name in last}
    figures = {
        f"{size}": {name: {key: round(value, 2) for key, value in one.items()} for name, one in commands.items()}
        for size, commands in by_size.items()
    }
    print(json.dumps({"rollouts": figures, "growth": growth}))


if __name__ == "__main__":
    main()
