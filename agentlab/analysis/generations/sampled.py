"""What each generation was like on each part of the tasks, what was kept of it, and how it was trained."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from agentlab.analysis.generations.lineage import Lineage
from agentlab.analysis.outcome_range import outcome_range
from agentlab.analysis.remarks import Remarks
from agentlab.analysis.row import Row, ends
from agentlab.runs.frames import Run
from agentlab.stats.arm_mean import ArmMean, arm_mean

COUNTS = ("kept", "duplicates", "cut_off", "not_good_enough")
"""Rollouts on tasks that are learned from, by what became of them."""


def means(run: Run, loop: Lineage, measures: Sequence[str], remarks: Remarks) -> Iterator[Row]:
    """By split, those that are learned from last, and generation: the mean of task means of every measure, with its
    interval for new tasks, or for these tasks where they are few."""
    splits = {str(task["id"]): str(task.get("split")) for task in run.meta["tasks"]}
    of_task = run.measures["task"].astype("str").map(splits)
    known = {m.name: m for m in run.measured}
    for split, role in sorted(run.splits.items(), key=lambda entry: entry[1] == "learn"):
        for generation, condition in loop.conditions.items():
            rows = run.measures[(run.measures["condition"] == condition) & (of_task == split)]
            row: Row = {"arm": loop.name, "split": split, "role": role, "generation": generation}
            for name in measures:
                within = outcome_range(known[name], run.measures[name].dropna())
                tasks = rows["task"].astype("str").tolist()
                mean = arm_mean(rows[name].to_numpy(dtype="float64"), tasks, run.clusters or None, within)
                if len(rows) and (which := _which(mean)):
                    remarks.add(f"Means on {split}: 95% intervals for {which}")
                row |= {name: mean.new_tasks.value, **ends(name, _widest(mean))}
            if len(rows):
                yield row


def _which(mean: ArmMean) -> str:
    """What the interval of a mean is about; empty where it has none."""
    if mean.new_tasks.low is not None:
        return "new tasks"
    return "" if mean.these_tasks.low is None else "these tasks, of which there are few"


def _widest(mean: ArmMean) -> Any:
    return mean.new_tasks if mean.new_tasks.low is not None else mean.these_tasks


def sampling(run: Run, loop: Lineage) -> Iterator[Row]:
    """By split and generation: how many passed, and how varied and long the outputs are."""
    for row in _rows(run, loop):
        if row["rollouts"]:
            names = ("split", "generation", "rollouts", "passed", "coverage", "distinct", "words", "tokens", "cost")
            yield {"arm": loop.name, **{name: row[name] for name in names}}


def training(run: Run, loop: Lineage) -> Iterator[Row]:
    """By generation: what was kept of it for the next one, and how it was trained itself."""
    names = [*COUNTS, *(["hinted"] if loop.improve.get("hint") else [])]
    rows = _rows(run, loop)
    for generation in sorted({row["generation"] for row in rows}):
        here = [row for row in rows if row["generation"] == generation]
        for row in [row for row in here if row["role"] == "learn"] or here[:1]:
            learned = row["role"] == "learn"  # not from the last generation
            kept = {name.replace("_", " "): row[name] if learned else None for name in names}
            made = {"rows": row["rows"] if learned else None, "precision": _precision(run, loop, row["condition"])}
            trained = {"loss": row["loss"], "seconds": row["training_seconds"]}
            yield {"arm": loop.name, "generation": generation, **kept, **made, **trained}


def _rows(run: Run, loop: Lineage) -> list[dict[Any, Any]]:
    table = run.generations
    return table[table["condition"].isin(list(loop.conditions.values()))].to_dict("records")


def _precision(run: Run, loop: Lineage, condition: str) -> float | None:
    """The mean of the watched truth over the rollouts that were kept."""
    kept = run.rows[(run.rows["condition"] == condition) & (run.rows["reason"] == "kept")]
    if loop.watch is None or kept.empty:
        return None
    of_kept = run.measures["rollout"].isin(kept["rollout"].astype("str").tolist())
    mean = float(run.measures.loc[of_kept, loop.watch[1]].astype("float64").mean())
    return None if math.isnan(mean) else mean
