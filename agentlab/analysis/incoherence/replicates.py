"""The replicates of each arm of a self-training loop as one arm, with their weights as given."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from agentlab.analysis.incoherence.predictions import Predictions
from agentlab.runs.frames import Run
from agentlab.scenario.levels import common, replicate
from agentlab.scenario.replicates import TOGETHER

NOTE = (
    f"{TOGETHER}: variance is over draws of the same weights, so what differs between replicates counts as bias²; the "
    "table `replicates` has each by itself"
)


def together(run: Run, arms: Sequence[Predictions]) -> list[Predictions]:
    """One for each arm, in which every task of every replicate has a bias and a variance of its own. Intervals leave
    out a task with all its replicates. The same arms where the loop ran once, or where there is none."""
    if run.pooled is run:
        return list(arms)
    by_arm: dict[str, list[Predictions]] = {}
    for arm in arms:
        by_arm.setdefault(common(arm.arm), []).append(arm)
    return [_joined(name, replicates) for name, replicates in by_arm.items()]


def _joined(name: str, arms: Sequence[Predictions]) -> Predictions:
    units = [{task: f"{task}, replicate {replicate(arm.arm)}" for task in arm.tasks} for arm in arms]
    tables = [arm.table.assign(task=arm.table["task"].map(names)) for arm, names in zip(arms, units, strict=True)]
    both = [(unit, task) for names in units for task, unit in names.items()]
    return replace(
        arms[0],
        arm=name,
        table=pd.concat(tables).sort_values(["task", "draw"], kind="stable", ignore_index=True),
        targets={unit: arms[0].targets[task] for unit, task in both if task in arms[0].targets},
        task_of=dict(both),
        left_out=sum(arm.left_out for arm in arms),
    )
