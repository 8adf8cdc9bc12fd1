"""What whole loops have in common: the mean over replicates, the unit of conclusions about the training."""

from collections.abc import Sequence

import numpy as np

from agentlab.analysis.generations.lineage import Lineage, task_means
from agentlab.analysis.outcome_range import largest_difference
from agentlab.analysis.row import Row, ends
from agentlab.runs.frames import Run
from agentlab.scenario.replicates import few_replicates
from agentlab.stats.contrasts.replicated import matched

NOTE = (
    "replicates: whole loops from the base, with different random numbers; intervals over replicates are for the "
    "training on these tasks, and intervals of a single loop are for its weights only"
)
ALIKE = "replicates: no interval where the gain is the same in all loops, or where only one loop came so far"


def notes(rows: Sequence[Row]) -> list[str]:
    """What the intervals over replicates are, and why some say little or are missing."""
    few = few_replicates(min((row["replicates"] for row in rows if row["replicates"] > 1), default=1))
    alike = any(row["replicates"] and row["difference_low"] is None for row in rows)
    return [NOTE, *([few] if few else []), *([ALIKE] if alike else [])]


def replicates(run: Run, loops: Sequence[Lineage], measures: Sequence[str]) -> list[Row]:
    """By arm, measure and generation: the mean gain since generation 0 over loops, with its t interval."""
    rows: list[Row] = []
    for arm in dict.fromkeys(loop.arm for loop in loops if loop.replicate):
        arm_loops = [loop for loop in loops if loop.arm == arm]
        for measure in measures:
            most = largest_difference(run, measure)
            for generation in range(1, 1 + max(loop.last for loop in arm_loops)):
                gains = [_gain(run, loop, measure, generation) for loop in arm_loops if generation in loop.conditions]
                known = np.array([gain for gain in gains if gain is not None])
                rows.append(_row({"arm": arm, "measure": measure, "generation": generation}, known, most))
    return rows


def _gain(run: Run, loop: Lineage, measure: str, generation: int) -> float | None:
    """The mean over tasks that have both generations."""
    table = task_means(run, [loop.conditions[0], loop.conditions[generation]], measure)
    return None if table.empty else float((table.iloc[:, 1] - table.iloc[:, 0]).mean())


def _row(head: Row, gains: "np.ndarray[tuple[int], np.dtype[np.float64]]", most: float) -> Row:
    mean = float(gains.mean()) if len(gains) else None
    row: Row = {**head, "replicates": len(gains), "difference": mean}
    return {**row, **ends("difference", matched(gains, most=most))}
