"""What of a run is still to be played or judged."""

import shlex
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from agentlab.mapping import mapping
from agentlab.runs.frames import Run
from agentlab.runs.frames.splits import planned as of_condition
from agentlab.scenario.library import shelves
from agentlab.store import UNFINISHED

STOPPED = "cancelled"
"""The status of rollouts that were stopped while they were played; the same command plays them again."""


def planned(run: Run) -> int | None:
    """Rollouts that each condition is to have: the draws of all tasks; None for imported texts."""
    return None if "imported" in run.meta else of_condition(run.meta)


def unplayed(run: Run) -> int:
    """Rollouts of the design that are not there yet; those that were stopped or failed are there."""
    return max(0, len(run.conditions) * (planned(run) or 0) - len(run.rollouts))


def command(run: Run) -> str:
    """What to type to play and judge the rest; empty for imported texts, and where the scenario's file is not known."""
    if "imported" in run.meta or "file" not in run.meta:
        return ""
    file, name = Path(run.meta["file"]), str(run.meta.get("name", ""))
    shown = file.stem if file.parent in map(Path.resolve, shelves("scenarios")) else _near(file)
    out = [] if run.folder.resolve() == (Path("runs") / name).resolve() else ["--out", str(run.folder)]
    verb = "train" if run.splits else "run"
    return " ".join([f"agentlab {verb}", shlex.quote(shown), *run.meta.get("options", ()), *map(shlex.quote, out)])


def _near(file: Path) -> str:
    """The path from here where the file is below this folder, else the whole path."""
    here = Path.cwd()
    return str(file.relative_to(here) if file.is_relative_to(here) else file)


def unjudged(run: Run) -> int:
    """Finished rollouts on which the judge of some measure that is to look at them has not been asked yet."""
    finished = run.rollouts[~run.rollouts["status"].isin(UNFINISHED)]
    waiting = set[str]()
    for judge in {measure.judge for measure in run.measured}:
        asked = set(run.scores.loc[run.scores["judge"] == judge, "rollout"].tolist())
        waiting |= set(due(run, judge, finished)["rollout"].tolist()) - asked
    return len(waiting)


def due(run: Run, judge: str, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of rollouts, by condition and task, at which the judge is to look: scores of others are not missing."""
    if not (skipped := _spared(run, judge)):
        return rows
    places = zip(rows["condition"].astype("str").tolist(), rows["task"].astype("str").tolist(), strict=True)
    return rows[np.array([place not in skipped for place in places], dtype=bool)]


@lru_cache(maxsize=16)
def _spared(run: Run, judge: str) -> set[tuple[str, str]]:
    """Conditions and tasks at which a judge does not look: in a loop, one may score some splits only."""
    skipped = set[tuple[str, str]]()
    for name, facts in zip(run.conditions["condition"].tolist(), run.conditions["facts"].tolist(), strict=True):
        splits = mapping(mapping(facts.get("improve")).get("judged")).get(judge)
        if splits is not None:
            skipped |= {(str(name), str(task["id"])) for task in run.meta["tasks"] if task.get("split") not in splits}
    return skipped
