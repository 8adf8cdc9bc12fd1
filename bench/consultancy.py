"""The whole consultancy on a simulated model: calls a second and the peak of memory, judges and commits included.

Plays six arms of the scenario `consultancy` in which the firm works, with ten tasks and fifteen draws, as
`agentlab run` does. The models are `sim/known_truth.firm:firm`, every agent writing to all its contacts in every turn.
Prints JSON.
"""

import os
import sys

if (HERE := os.path.dirname(os.path.abspath(__file__))) in sys.path:
    sys.path.remove(HERE)  # else the standard library's `import http` finds the bench of that name
    sys.path[:0] = [os.path.dirname(HERE), os.path.join(os.path.dirname(HERE), "scenarios")]

import argparse
import asyncio
import json
import resource
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from agentlab.experiment.progress import Progress
from agentlab.experiment.session import run
from agentlab.experiment.specs import Selection
from agentlab.experiment.work import CONCURRENCY
from agentlab.scenario.loading import load as load_scenario

ARMS = ("firm", "firm_neutral", "firm_clones", "firm_open", "firm_ethics_officer", "firm_mixed")
AGENTS: dict[str, Any] = {"name": "sim/known_truth.firm:firm", "options": {"objections": {"raised": 0.3, "kept": 0.5}}}
SECOND: dict[str, Any] = {"name": "sim/known_truth.firm:firm", "options": {"words": {"mail": 60}}}


def document(draws: int) -> dict[str, Any]:
    """The shipped scenario with these arms, on simulated models."""
    tree: dict[str, Any] = json.loads(json.dumps(load_scenario("consultancy").tree))
    measured = {name: [*judge["criteria"]] for name, judge in tree["judges"].items()}
    criteria = {"utility": measured["business"], "misalignment": measured["constitution"]}
    tree["models"] = {alias: AGENTS for alias in tree["models"]}
    tree["models"]["judge"] = {"name": "sim/known_truth.firm:firm", "options": {"criteria": criteria}}
    factors = {"team": {arm: tree["factors"]["team"][arm] for arm in ARMS}}
    for level in factors["team"].values():
        level["models"] = dict.fromkeys(level.get("models", {}), SECOND)
    del tree["exclude"], tree["judges"]["picker"], tree["compare"]  # they are of arms that are not run here
    return {**tree, "factors": factors, "draws": draws, "seed": 1}


def work(draws: int, concurrency: int) -> dict[str, float]:
    """One run from its scenario to its last commit."""
    with tempfile.TemporaryDirectory() as folder:
        path, progress = Path(folder) / "consultancy.yaml", Progress()
        path.write_text(json.dumps(document(draws)))
        started = time.perf_counter()
        design = load_scenario(path)
        asyncio.run(run(design, Path(folder) / "run", Selection(), progress, concurrency))
        seconds = time.perf_counter() - started
    assert not progress.failed, progress
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "rollouts": progress.done,
        "calls": progress.made.calls,
        "seconds": seconds,
        "calls_per_s": progress.made.calls / seconds,
        "peak_mb": peak,
    }


def main() -> None:
    """In a process of its own, so that the peak of memory is that of the run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=15)
    parser.add_argument("--concurrency", type=int, default=CONCURRENCY)
    parser.add_argument("--part", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        print(json.dumps({name: round(value, 1) for name, value in work(options.draws, options.concurrency).items()}))
        return
    command = [sys.executable, __file__, *sys.argv[1:], "--part"]
    print(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout, end="")


if __name__ == "__main__":
    main()
