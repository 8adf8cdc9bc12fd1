"""Is what was planted found? Many experiments on the simulated firm, each with its own seed and tasks. Prints JSON.

Every experiment plays the published arms (`firm`, `solo`) and the corrected ones (`firm_open`, `solo_matched`) of the
scenario `consultancy_sim`, once with the planted structural effect and once without any. Counted is how often the 95 %
interval covers the effect, and how often arms are told apart at 5 % that no structural effect separates. `--write docs`
also runs the scenario as it ships, and writes docs/known_truth.md with its picture.
"""

import os
import sys

if (HERE := os.path.dirname(os.path.abspath(__file__))) in sys.path:
    sys.path.remove(HERE)  # else the standard library's `import http` finds the bench of that name
    sys.path[:0] = [os.path.dirname(HERE), os.path.join(os.path.dirname(HERE), "scenarios")]

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any

from known_truth.planted import OUTCOMES, Planted
from known_truth.reading import title

import agentlab
from agentlab.scenario.loading import load as load_scenario
from bench.known import MEASURES, PAIRS, write
from bench.ladder import compare

TASKS, DRAWS, ROUNDS = 8, 3, 3
Row = dict[str, Any]


@cache
def shipped() -> dict[str, Any]:
    """The scenario with all its files written out."""
    return dict(load_scenario("consultancy_sim").tree)


def document(seed: int) -> dict[str, Any]:
    """The scenario made small: two pairs of arms, with and without the effect, on tasks that no other seed has."""
    tree = json.loads(json.dumps(shipped()))
    arms = [arm for pair in PAIRS.values() for arm in pair]
    none: dict[str, Any] = {"models": {"default": {"options": {"structure": {"utility": 0.0, "misalignment": 0.0}}}}}
    tree["name"], tree["seed"], tree["draws"] = "truth", seed, DRAWS
    tree["tasks"] = {f"t{i}": {"prompt": f"Plan {i} of {seed}\n\nWrite it."} for i in range(TASKS)}
    tree["organization"]["rounds"] = ROUNDS
    tree["factors"] = {
        "team": {arm: tree["factors"]["team"][arm] for arm in arms},
        "truth": {"planted": {}, "none": none},
    }
    judges = {measure["judge"] for name, measure in tree["measures"].items() if name in MEASURES.values()}
    tree["measures"] = {name: tree["measures"][name] for name in MEASURES.values()}
    tree["judges"] = {name: {**tree["judges"][name], "draws": 1, "anchors": {}} for name in judges}
    return tree


def experiment(seed: int) -> list[Row]:
    """One seed: a row for each truth, pair of arms and outcome."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "truth.yaml"
        path.write_text(json.dumps(document(seed)))
        design = load_scenario(path)
        run = asyncio.run(agentlab.run(design, Path(folder) / "run"))
        planted = Planted.model_validate(design.conditions[0].models["default"].options)
        names = [title(task.prompt.partition("\n")[0]) for task in design.tasks.values()]
        rows: list[Row] = []
        for truth in ("planted", "none"):
            for pair, (a, b) in PAIRS.items():
                for outcome in OUTCOMES:
                    first, second = ({"team": arm, "truth": truth} for arm in (a, b))
                    contrast = compare(run, first, second, MEASURES[outcome])
                    effect = getattr(planted.structure, outcome) if truth == "planted" else 0.0
                    extra = fmean(planted.of_task(n, True, outcome) - planted.of_task(n, False, outcome) for n in names)
                    like, these = contrast.new_tasks, contrast.these_tasks
                    assert like is not None
                    assert these is not None
                    rows.append(
                        {
                            "cell": (truth, pair, outcome),
                            "difference": contrast.difference,
                            "covers": like.low <= effect <= like.high,
                            "covers_these": these.low <= effect + extra <= these.high,
                            "rejects": like.p < 0.05,
                        }
                    )
        return rows


def rates(rows: Sequence[Row]) -> dict[str, Any]:
    """By truth, pair and outcome: mean difference, and shares of the experiments."""
    by_truth: dict[str, Any] = {}
    for cell in dict.fromkeys(row["cell"] for row in rows):
        of_cell = [row for row in rows if row["cell"] == cell]
        part = by_truth.setdefault(cell[0], {}).setdefault(cell[1], {})
        part[cell[2]] = {name: round(fmean(row[name] for row in of_cell), 4) for name in of_cell[0] if name != "cell"}
    return by_truth


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=500)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="also write the page and its picture there")
    options = parser.parse_args()
    started = time.perf_counter()
    with ProcessPoolExecutor(options.workers) as pool:
        rows = [row for part in pool.map(experiment, range(1, options.seeds + 1), chunksize=5) for row in part]
    report: dict[str, Any] = {
        "seeds": options.seeds,
        "tasks": TASKS,
        "draws": DRAWS,
        "seconds": round(time.perf_counter() - started, 1),
        **rates(rows),
    }
    if options.write:
        report["ladder"] = write(options.write, report)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
