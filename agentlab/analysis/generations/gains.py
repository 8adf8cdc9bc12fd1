"""What each generation gained on held-out tasks: against the base, and against the generation before."""

from collections.abc import Iterator, Sequence

import pandas as pd

from agentlab.analysis.generations.lineage import Lineage
from agentlab.analysis.outcome_range import largest_difference
from agentlab.analysis.remarks import Remarks
from agentlab.analysis.row import Row, ends
from agentlab.runs.frames import Run
from agentlab.stats.contrasts.paired import paired

ABOUT = (
    "gains: differences paired by task and draw, with 95% intervals for new tasks, or for these tasks if they are few"
)


def gains(run: Run, loop: Lineage, measures: Sequence[str], remarks: Remarks) -> Iterator[Row]:
    """By measure and generation."""
    for measure in measures:
        most = largest_difference(run, measure)
        for generation in list(loop.conditions)[1:]:
            for since in sorted({0, generation - 1}):
                if since in loop.conditions:
                    remarks.add(ABOUT)
                    yield _gain(run, loop, measure, generation, since, most, remarks)


def _gain(run: Run, loop: Lineage, measure: str, generation: int, since: int, most: float, remarks: Remarks) -> Row:
    sides = [_values(run, loop.conditions[g], measure) for g in (generation, since)]
    both = pd.concat(sides, axis=1, keys=["now", "then"])
    tasks = [str(task) for task in both.index.get_level_values("task")]
    draws = list(both.index.get_level_values("draw"))
    now, then = (both[side].to_numpy() for side in ("now", "then"))
    result = paired(tasks, draws, now, then, clusters=run.clusters or None, most=most)
    for note in result.notes:
        remarks.add(f"gains of {measure}: {note}")
    head: Row = {"arm": loop.name, "measure": measure, "generation": generation, "since": since}
    tested = result.tested
    return {**head, "tasks": result.tasks, "difference": result.difference, **ends("difference", tested)}


def _values(run: Run, condition: str, measure: str) -> "pd.Series[float]":
    rows = run.measures[run.measures["condition"] == condition]
    return rows.assign(task=rows["task"].astype("str")).set_index(["task", "draw"])[measure].astype("float64")
