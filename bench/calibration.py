"""Are bias, variance, judges' noise and the share of every turn recovered, from the command line alone? Prints JSON.

Runs the commands of docs/calibration.md on the scenario `calibration`, with seeds of their own, reads the tables that
they write, and counts how often an interval holds what was planted. `--write docs` also runs the scenario as it ships
and writes the page.
"""

import os
import sys

if (HERE := os.path.dirname(os.path.abspath(__file__))) in sys.path:
    sys.path.remove(HERE)  # else the standard library's `import http` finds the bench of that name
    sys.path[:0] = [os.path.dirname(HERE), os.path.join(os.path.dirname(HERE), "scenarios")]

import argparse
import json
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agentlab.scenario.loading import load as load_scenario
from bench.planted import Check, checks

FIRST = 1001
"""Seed of the first experiment; the scenario's own is none of them."""
AGENTLAB = str(Path(sys.executable).with_name("agentlab"))
ONE = "task=ember,team=erratic,draw=2"
"""The rollout that is looked at by itself."""
COMMANDS = (
    "agentlab run {scenario}",
    "agentlab stats runs/calibration contrasts --csv tables",
    "agentlab stats runs/calibration decompose --csv tables",
    "agentlab stats runs/calibration components --csv tables",
    "agentlab resample runs/calibration --every-round --by-agent -n 4 --parents 360 --only team=steady --yes",
    "agentlab stats runs/calibration attribution --csv tables",
    f"agentlab resample runs/calibration --rollout {ONE} --every-round -n 16 --yes",
    f"agentlab stats runs/calibration path {ONE} --measure worth --csv tables",
    f"agentlab resample runs/calibration --rollout {ONE} --drop 2 -n 16 --yes",
    "agentlab stats runs/calibration interventions --csv tables",
)
PAGE = (Path(__file__).parent / "calibration.md.in").read_text(encoding="utf-8")


def recover(folder: Path, scenario: str) -> tuple[list[Check], list[str]]:
    """Types the commands in an empty folder; what they recovered, and what each printed."""
    printed: list[str] = []
    for command in COMMANDS:
        typed = command.format(scenario=scenario).split()
        done = subprocess.run([AGENTLAB, *typed[1:]], cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{' '.join(typed)} exits {done.returncode}:\n{done.stdout}{done.stderr}")
        printed.append(done.stdout)
    return checks(load_scenario("calibration"), folder / "runs" / "calibration", folder / "tables"), printed


def other(folder: Path, seed: int) -> str:
    """The scenario with another seed, written out."""
    tree = json.loads(json.dumps({**load_scenario("calibration").tree, "seed": seed}))
    path = folder / "calibration.yaml"
    path.write_text(json.dumps(tree), encoding="utf-8")
    return str(path)


def experiment(seed: int) -> list[Check]:
    """All of it with one seed."""
    with tempfile.TemporaryDirectory() as folder:
        return recover(Path(folder), other(Path(folder), seed))[0]


def main() -> None:
    """Counts over many seeds, and writes the page if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiments", type=int, default=30)
    parser.add_argument("--write", type=Path, metavar="FOLDER")
    given = parser.parse_args()
    started = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        experiments = list(pool.map(experiment, range(FIRST, FIRST + given.experiments)))
    held: Counter[str] = Counter()
    of: Counter[str] = Counter()
    for check in (check for checks_ in experiments for check in checks_):
        of[check.kind] += 1
        held[check.kind] += check.held
    shares = {kind: round(held[kind] / of[kind], 3) for kind in of}
    figures: dict[str, Any] = {
        "experiments": given.experiments,
        "held": shares,
        "intervals": dict(of),
        "all": round(held.total() / max(1, of.total()), 4),
        "seconds": round(time.perf_counter() - started, 1),
    }
    if given.write:
        with tempfile.TemporaryDirectory() as folder:
            shipped, printed = recover(Path(folder), "calibration")
        page = PAGE.format(**_page(shipped, printed, figures))
        (given.write / "calibration.md").write_text(page, encoding="utf-8")
        figures["shipped"] = [asdict(check) | {"held": check.held} for check in shipped]
    print(json.dumps(figures, indent=1))


def _page(shipped: list[Check], printed: list[str], figures: dict[str, Any]) -> dict[str, str]:
    shares: dict[str, float] = figures["held"]
    return {
        "commands": "\n".join(f"    {command.format(scenario='calibration')}" for command in COMMANDS),
        "rows": "\n".join(_rows(shipped)),
        "held": str(sum(check.held for check in shipped)),
        "of": str(len(shipped)),
        "experiments": str(figures["experiments"]),
        "coverage": "\n".join(
            f"| {kind} | {figures['intervals'][kind]:,} | {share:.1%} |" for kind, share in shares.items()
        ),
        "every": f"{figures['all']:.1%}",
        "intervals": f"{sum(figures['intervals'].values()):,}",
        "attribution": _shown(printed[5]),
        "path": _shown(printed[7]),
    }


def _rows(shipped: list[Check]) -> Iterator[str]:
    for check in shipped:
        mark = "" if check.held else " **missed**"
        interval = f"[{check.low:.4g}, {check.high:.4g}]{mark}"
        yield f"| {check.kind} | {check.what} | {check.planted:.4g} | {check.found:.4g} {interval} |"


def _shown(text: str) -> str:
    return "\n".join(f"    {line.rstrip()}".rstrip() for line in text.strip().splitlines() if "wrote into" not in line)


if __name__ == "__main__":
    main()
