"""Error, bias² and variance of tasks of like length, in groups and as slopes."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from agentlab.analysis.incoherence.predictions import Predictions
from agentlab.analysis.remarks import Remarks
from agentlab.analysis.row import Row
from agentlab.errors import AnalysisError
from agentlab.runs.frames import Run
from agentlab.runs.frames.clusters import cluster_codes
from agentlab.stats.contrasts.paired import FEWEST_TASKS
from agentlab.stats.incoherence.buckets import COUNT, Slopes, buckets, slopes
from agentlab.text import pluralize

OWN = "own"
"""Groups by the arm's own lengths, which hold other tasks in every arm."""


@dataclass(frozen=True, slots=True)
class Rule:
    """By whose lengths tasks are grouped: mean lengths by task, of the arm itself or of one for all arms."""

    by: str
    lengths: Mapping[str, float]


def reference_of(run: Run, reference: str, lengths: "pd.Series[float]") -> Rule:
    """The mean lengths of a condition, or of all that have the levels named, such as `team=solo`.

    `lengths` has one entry a rollout, in the order of `run.rollouts`. Raises AnalysisError where nothing is so named.
    """
    names = run.rollouts["condition"].astype("str")
    rows = (names == reference).to_numpy(dtype=bool)
    if not rows.any():
        pairs = [part.partition("=") for part in reference.split(",")]
        if all(factor in run.factors for factor, _, _ in pairs):
            hits = [(run.rollouts[factor].astype("str") == level).to_numpy() for factor, _, level in pairs]
            rows = np.logical_and.reduce(hits)
    if not rows.any():
        known = ", ".join(names.unique())
        raise AnalysisError(
            f"{run.folder} has no condition {reference!r}; a level such as team=solo, or one of {known}"
        )
    by_task = lengths[rows].groupby(run.rollouts.loc[rows, "task"].astype("str")).mean()
    return Rule(reference, {str(task): float(value) for task, value in by_task.items()})


def grouped(run: Run, arm: Predictions, rule: Rule, remarks: Remarks) -> tuple[list[Row], list[Row]]:
    """Rows of buckets and of slopes: five groups, or fewer so that each has 6 tasks."""
    name, tasks = f"{arm.measure.name}, groups by {rule.by} length", [t for t in arm.tasks if t in rule.lengths]
    if lost := len(arm.tasks) - len(tasks):
        remarks.add(f"{name}: {pluralize(lost, 'task')} without such a length excluded", arm.arm)
    values = np.array([rule.lengths[task] for task in tasks])
    if (count := min(COUNT, len(tasks) // FEWEST_TASKS)) < 2 or np.ptp(values) == 0:
        needed = f"{2 * FEWEST_TASKS} are needed for two groups of {FEWEST_TASKS}"
        few = f"{pluralize(len(tasks), 'task')}, and at least {needed}"
        remarks.add(f"{name}: none, {few if count < 2 else 'every task has the same mean length'}", arm.arm)
        return [], []
    parts, clusters = arm.among(tasks).parts(), cluster_codes(run.clusters, tasks)
    head: Row = {"measure": arm.measure.name, "condition": arm.arm, "by": rule.by, "loss": parts.loss}
    rows: list[Row] = []
    for i, bucket in enumerate(buckets(values, parts, count, clusters)):
        sums: Row = {"error": bucket.error, "bias2": bucket.bias2, "variance": bucket.variance}
        ends: Row = {"shortest": bucket.shortest, "longest": bucket.longest, "tasks": bucket.tasks}
        ratio = bucket.incoherence
        for note in ratio.notes if ratio.low is None and bucket.tasks >= FEWEST_TASKS else ():
            remarks.add(f"{name}, group {i + 1}: {note}", arm.arm)
        estimates: Row = {
            "incoherence": ratio.value,
            "incoherence_low": ratio.low,
            "incoherence_high": ratio.high,
        }
        rows.append({**head, "bucket": i + 1, **ends, **sums, **estimates})
    if values.min() <= 0:
        remarks.add(f"{name}: no slopes, because a length of 0 has no logarithm", arm.arm)
        return rows, []
    if count == 2:
        remarks.add(f"{name}: a line through two groups fits them whatever they are; its slope only compares the two")
    fitted = slopes(values, parts, count, clusters)
    return rows, _slopes({**head, "buckets": count, "tasks": len(tasks)}, fitted, name, remarks)


def _slopes(head: Row, fitted: Slopes, name: str, remarks: Remarks) -> list[Row]:
    rows: list[Row] = []
    for kind, slope in (("log-log", fitted.logarithm), ("logit", fitted.logit)):
        if slope.value is None:
            why = "a group has no incoherence above 0" + (" and below 1" if kind == "logit" else "")
            remarks.add(f"{name}: no {kind} slope, {why}", str(head["condition"]))
            continue
        rows.append({**head, "of": kind, "slope": slope.value, "low": slope.low, "high": slope.high})
        for note in slope.notes:
            remarks.add(f"{name}, {kind} slope: {note}", str(head["condition"]))
    return rows
