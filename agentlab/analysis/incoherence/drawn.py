"""The draws of an arm as points with a length each, task by task, for what splits them by length or averages them."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agentlab.analysis.incoherence.predictions import Predictions
from agentlab.stats.incoherence.halves import TaskDraws

Floats = NDArray[np.float64]


def drawn(arm: Predictions, lengths: Mapping[str, float]) -> list[TaskDraws]:
    """A task's draws in the order drawn, tasks as in `arm.tasks`; `lengths` by rollout.

    A score is the mean of its J judge draws; its noise is their variance over J. A rollout judged once has the pooled
    variance of the others; where none was judged twice there is no noise to take out, as `Judged.notes` says.
    """
    if arm.sort == "scores":
        return _scored(arm, lengths)
    values, targets = arm.laid()
    inside = arm.choices().inside if arm.sort in ("answers", "probabilities", "groups") else None
    draws, of_rows = list[TaskDraws](), _of(arm.table, lengths)
    for i, rows in enumerate(_rows(arm.table)):
        columns = slice(None) if inside is None else inside[i]
        target = None if targets is None else targets[i, columns]
        draws.append(TaskDraws(of_rows[rows], values[rows][:, columns], target))
    return draws


def _scored(arm: Predictions, lengths: Mapping[str, float]) -> list[TaskDraws]:
    by_rollout = arm.table.groupby(["task", "draw", "rollout"], sort=True, observed=True)["said"]
    table = by_rollout.agg(["mean", "var", "count"]).reset_index()
    squares, freedom = float((table["var"] * (table["count"] - 1)).sum()), int((table["count"] - 1).sum())
    pooled = squares / freedom if freedom else np.nan
    noise: Floats = (table["var"].fillna(pooled) / table["count"]).to_numpy(dtype=np.float64)
    goal: Floats = np.array([arm.measure.target], dtype=np.float64)
    means, of_rows = table["mean"].to_numpy(dtype=np.float64), _of(table, lengths)
    return [
        TaskDraws(of_rows[rows], means[rows, None], goal, noise[rows] if freedom else None) for rows in _rows(table)
    ]


def _rows(table: pd.DataFrame) -> list[NDArray[np.intp]]:
    """Places of each task's rows, which stand together."""
    starts = np.flatnonzero(table["task"].ne(table["task"].shift()).to_numpy(dtype=bool))
    return np.split(np.arange(len(table)), starts[1:])


def _of(table: pd.DataFrame, lengths: Mapping[str, float]) -> Floats:
    return np.array([lengths[key] for key in table["rollout"]], dtype=np.float64)
