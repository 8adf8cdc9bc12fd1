"""What of a run is still to be played or judged."""

import shlex
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from agentlab.experiment.asked import options
from agentlab.mapping import mapping
from agentlab.runs.frames import Run
from agentlab.runs.frames.splits import planned as of_condition
from agentlab.scenario.library import shelves
from agentlab.store import UNFINISHED

STOPPED = "cancelled"
"""The status of rollouts that were stopped while they were played; the same command plays them again."""


@lru_cache(maxsize=4)
def planned(run: Run) -> Mapping[str, int] | None:
    """Rollouts that each condition is to have, by what the commands so far asked for; None for imported texts."""
    if "imported" in run.meta:
        return None
    return {name: of_condition(run.meta, name) for name in map(str, run.conditions["condition"])}


def unplayed(run: Run) -> int:
    """Rollouts that were asked for and are not there yet; those that were stopped or failed are there.

    Of a self-training loop, those of its later generations are asked for, too, unless their training failed.
    """
    if trains(run):
        return max(0, _of_generations(run.whole) - played(run))
    return max(0, sum((planned(run) or {}).values()) - played(run))


def played(run: Run) -> int:
    """Rollouts that are there; those of a loop that had a hint come on top of what was asked for."""
    rows = run.whole.rollouts if trains(run) else run.rollouts
    return int((~rows.duplicated(["condition", "task", "draw"])).sum())


def trains(run: Run) -> bool:
    """Whether all generations of a self-training loop were asked for, not only rollouts of its base."""
    return bool(run.splits) and run.meta.get("asked") is None and "loop" in run.meta


def _of_generations(run: Run) -> int:
    """The rollouts of all generations that the arms of a loop can come to."""
    every, each = int(run.meta["loop"]["rollouts"]), run.meta["loop"].get("each", ())
    if every <= played(run):
        return every
    ended = run.generations.loc[run.generations["error"].notna(), "generation"].unique().tolist()
    return every - sum(sum(each[int(generation) :]) for generation in ended) if each or not ended else 0


def command(run: Run) -> str:
    """What to type to play and judge the rest; empty for imported texts, and where the scenario's file is not known."""
    if "imported" in run.meta or "file" not in run.meta:
        return ""
    file, name = Path(run.meta["file"]), str(run.meta.get("name", ""))
    shown = file.stem if file.parent in map(Path.resolve, shelves("scenarios")) else _near(file)
    out = [] if run.folder.resolve() == (Path("runs") / name).resolve() else ["--out", str(run.folder)]
    verb = "train" if run.splits and run.meta.get("asked") is None else "run"
    set_by = [word for option in run.meta.get("options", ()) for word in option.split(" ", 1)]
    return shlex.join(["agentlab", verb, shown, *set_by, *options(run.meta.get("asked")), *out])


def _near(file: Path) -> str:
    """The path from here where the file is below this folder, else the whole path."""
    here = Path.cwd()
    return str(file.relative_to(here) if file.is_relative_to(here) else file)


def unjudged(run: Run) -> int:
    """Finished rollouts on which the judge of some measure that is to look at them has not been asked yet."""
    finished = run.rollouts[~run.rollouts["status"].isin(UNFINISHED)]
    waiting = set[str]()
    for judge in {measure.judge for measure in run.measured}:
        asked = set(run.scores.loc[run.scores["judge"] == judge, "rollout"].unique().tolist())
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
