"""One measure of a run as nested scores: a value for each judge draw of each draw of each task."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agentlab.analysis.components.judge_noise import judge_draws
from agentlab.errors import AnalysisError
from agentlab.runs.frames import Run
from agentlab.runs.frames.measures import by_status
from agentlab.types import Measure

CONTEXT = "context"
"""The field of tasks that is looked for when nothing is said: what tasks with the same value share."""
_TOP = "@top"


class Nested(NamedTuple):
    """Judge draws of one condition and measure, shape (N,) each; a draw counts within its task only."""

    tasks: NDArray[np.intp]
    """Task by its place among the tasks in sorted order."""
    draws: NDArray[np.intp]
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Template:
    """The levels of a run's scores from the top down."""

    names: tuple[str, ...]
    columns: tuple[str, ...]
    """Of a table of `arms`: the labels of all levels but the last."""
    groups: Mapping[str, str] = field(default_factory=dict[str, str])
    """By task, its group on the top level; empty where tasks are the top."""


def nested(run: Run, condition: str, measure: str) -> Nested:
    """The judge draws of one condition. Raises AnalysisError where there is no such measure or nothing was scored."""
    table = judged(run, named(run, measure))
    draws = table[table["condition"].astype("str") == condition]
    if draws.empty:
        known = ", ".join(sorted(set(table["condition"].astype("str"))))
        raise AnalysisError(f"{run.folder}: {measure} was not scored in condition {condition!r}; it was in {known}")
    _, tasks = np.unique(draws["task"].to_numpy(dtype="str"), return_inverse=True)
    return Nested(
        tasks.astype(np.intp), draws["draw"].to_numpy(dtype=np.intp), draws["value"].to_numpy(dtype=np.float64)
    )


def judged(run: Run, measure: Measure) -> pd.DataFrame:
    """One row per complete judge draw of a rollout, forks aside.

    Columns `rollout`, `task`, `condition`, one per factor, `draw`, `judge_draw`, `value` on the measure's range. Where
    the scenario gives a status a value, every judge draw of the rollout has it. Held-out cases, which are the same for
    every rollout and so no noise, are one row with their mean. Raises AnalysisError where nothing is scored.
    """
    values = judge_draws(by_status(run.scores, run.rollouts, measure), measure).rename("value")
    if measure.cases:
        values = values.groupby(level=0).mean().to_frame().assign(judge_draw=0).set_index("judge_draw", append=True)
        values = values["value"]
    head = run.rollouts[["rollout", "task", "condition", *run.factors, "draw"]]
    table = head.merge(values.rename_axis(["rollout", "judge_draw"]).reset_index(), on="rollout")
    if table.empty:
        raise AnalysisError(
            f"{run.folder} has no rollout scored on {measure.name}: agentlab judge {run.folder} --with {measure.judge}"
        )
    return table


def named(run: Run, measure: str) -> Measure:
    """The measure of this name. Raises AnalysisError, naming those there are."""
    for m in run.measured:
        if m.name == measure:
            return m
    raise AnalysisError(f"{run.folder} has no measure {measure!r}; it has {', '.join(m.name for m in run.measured)}")


def template(run: Run, by: str | None = None) -> Template:
    """task / draw / judge draw, or FIELD / task / draw / judge draw with `by` a field of the tasks.

    Tasks with the same value of the field are alike: one question in several contexts, or several questions on one
    text. Without `by` the field `context` is taken, if all tasks have one and some share it. A factor makes no level:
    its levels are the same for every task, so they are crossed with tasks, and what they have in common would be
    subtracted from how tasks differ. Raises AnalysisError for what is no field of every task.
    """
    tasks: list[dict[str, Any]] = run.meta.get("tasks", [])
    fields: list[dict[str, Any]] = [task.get("fields", {}) for task in tasks]
    shared = [name for name in (fields[0] if fields else ()) if all(name in task_fields for task_fields in fields)]
    top = CONTEXT if by is None else by
    if by is not None and by not in shared:
        crossed = "; a factor is crossed with tasks, so it cannot be a level" if by in run.factors else ""
        known = f"fields of every task: {', '.join(shared) or 'none'}{crossed}"
        raise AnalysisError(f"{run.folder}: {by!r} is not a field of every task ({known})")
    groups = (
        {str(task["id"]): str(task_fields[top]) for task, task_fields in zip(tasks, fields, strict=True)}
        if top in shared
        else {}
    )
    if by is not None or 1 < len(set(groups.values())) < len(groups):
        return Template((top, "task", "draw", "judge draw"), (_TOP, "task", "draw"), groups)
    return Template(("task", "draw", "judge draw"), ("task", "draw"))


def arms(table: pd.DataFrame, levels: Template) -> dict[str, pd.DataFrame]:
    """`judged` by condition, with the labels of all levels."""
    if levels.groups:
        table = table.assign(**{_TOP: table["task"].astype("str").map(dict(levels.groups))})
    return {str(name): rows for name, rows in table.groupby("condition", observed=True, sort=False)}
