"""The draws of an arm split into a short and a long half of each task, and what differs between the halves."""

from collections.abc import Sequence

import numpy as np

from agentlab.analysis.incoherence.predictions import Predictions
from agentlab.analysis.remarks import Remarks
from agentlab.analysis.row import Row
from agentlab.stats.incoherence.halves import Half, Halves, TaskDraws, halves

SEED = 0
LOSS = {"points": "norm", "tests": "coverage", "scores": "score"}
"""By the sort of predictions; Brier's for all that are answers."""


def split_arm(arm: Predictions, draws: Sequence[TaskDraws], remarks: Remarks) -> Halves | None:
    """The halves of an arm, with remarks on what they lack; None, with a remark, where it cannot be split."""
    name = arm.measure.name
    sizes = [len(task_draws.lengths) for task_draws in draws]
    if min(sizes) < max(sizes):
        remarks.add(f"{name}: {min(sizes)} to {max(sizes)} draws per task; every task has the same weight", arm.arm)
    if arm.left_out:
        remarks.add(
            f"{name}: rollouts excluded because they are unscored or the only draw of a task: {arm.left_out}", arm.arm
        )
    try:
        arm_halves = halves(draws, np.random.default_rng(SEED))
    except ValueError as why:
        remarks.add(f"{name}: no halves, {why}", arm.arm)
        return None
    if arm_halves.left_out:
        remarks.add(
            f"{name}: tasks that cannot be split because they have too few draws or only one length: "
            f"{arm_halves.left_out}",
            arm.arm,
        )
    if arm_halves.incoherence_difference is None:
        why = (
            "there are no right answers"
            if arm_halves.short.error is None
            else "a half, as found or shuffled, has no error"
        )
        remarks.add(f"{name}: no incoherence of halves to compare, {why}", arm.arm)
    return arm_halves


def half_rows(arm: Predictions, arm_halves: Halves) -> tuple[Row, list[Row]]:
    """Long against short in one row, then a row for each half."""
    head: Row = {"measure": arm.measure.name, "condition": arm.arm, "loss": LOSS.get(arm.sort, "brier")}
    difference: Row = {
        **head,
        "short": arm_halves.short.length,
        "long": arm_halves.long.length,
        "difference_in_variance": arm_halves.variance_difference,
        "variance_p": arm_halves.variance_p,
        "difference_in_incoherence": arm_halves.incoherence_difference,
        "incoherence_p": arm_halves.incoherence_p,
    }
    sides = (("short", arm_halves.short), ("long", arm_halves.long))
    parts = [{**head, "half": side, **_half(arm, half), "tasks": arm_halves.tasks} for side, half in sides]
    return difference, parts


def _half(arm: Predictions, half: Half) -> Row:
    """Accuracy is of hard answers, of which Brier's error is twice the share that is wrong."""
    hard = arm.sort in ("answers", "groups") and half.error is not None
    return {
        "length": half.length,
        "accuracy": 1 - half.error / 2 if hard and half.error is not None else None,
        "error": half.error,
        "bias2": half.bias2,
        "variance": half.variance,
        "incoherence": half.incoherence,
    }
