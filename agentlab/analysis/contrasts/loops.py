"""Contrasts of self-training loops with replicates, over whole loops: the interval for conclusions about training."""

from collections.abc import Sequence

import pandas as pd

from agentlab.analysis.contrasts.contrast import Contrast
from agentlab.analysis.outcome_range import largest_difference
from agentlab.analysis.row import Row
from agentlab.runs.frames import Run
from agentlab.scenario.levels import GENERATION, common, replicate
from agentlab.scenario.replicates import TOGETHER, few_replicates
from agentlab.stats.contrasts.replicated import independent, matched

GIVEN = (
    f"{TOGETHER}: for intervals, p and conclusions, only tasks and draws of the same weights vary. The table `loops` "
    "has the same differences over whole loops, for conclusions about the training."
)
ALIKE = "No interval over loops: an arm has one loop only, or the loops do not differ in what is compared."


def over_loops(run: Run, contrasts: Sequence[Contrast]) -> tuple[pd.DataFrame, list[str]]:
    """A row for each primary contrast, or for each where none is primary, and notes; nothing without replicates.

    The value of a loop is its mean over the tasks that all loops of both arms have. Arms are trained apart, so their
    loops are independent; generations of one loop are matched.
    """
    if run.pooled is run:
        return pd.DataFrame(), []
    chosen = [c for c in contrasts if c.primary] or contrasts
    rows = [row for c in chosen if not c.suppressed and (row := _row(run, c))]
    table = pd.DataFrame(rows)
    notes = [GIVEN]
    if rows and table["low"].isna().any():
        notes.append(ALIKE)
    least = [min(row["loops_a"], row["loops_b"]) for row in rows]
    if few := few_replicates(min((number for number in least if number > 1), default=1)):
        notes.append(f"{few}.")
    return table, notes


def loop_means(run: Run, c: Contrast) -> tuple["pd.Series[float]", "pd.Series[float]", int] | None:
    """The mean of every loop of both arms, by replicate, over the tasks that all have, and the number of these."""
    sides = [_loops(run, name, c.measure) for name in c.conditions]
    tasks = sides[0].dropna().index.intersection(sides[1].dropna().index)
    if tasks.empty:
        return None
    a, b = (side.loc[tasks].mean(axis=0) for side in sides)
    return a, b, len(tasks)


def _row(run: Run, c: Contrast) -> Row | None:
    if (means := loop_means(run, c)) is None:
        return None
    a, b, tasks = means
    most = largest_difference(run, c.measure)
    apart = c.factor != GENERATION
    interval = independent(a, b, most=most) if apart else matched(a.sub(b).dropna(), most=most)
    return {
        "measure": c.measure,
        "contrast": c.pair,
        "loops_a": len(a),
        "loops_b": len(b),
        "tasks": tasks,
        "difference": float(a.mean() - b.mean()),
        "low": interval and interval.low,
        "high": interval and interval.high,
        "df": interval and interval.df,
    }


def _loops(run: Run, condition: str, measure: str) -> pd.DataFrame:
    """Of the loops of an arm: task means, with a row for each task and a column for each replicate."""
    names = run.measures["condition"].astype("str")
    here = (names.map(common) == condition).to_numpy()
    keys = [run.measures["task"].astype("str")[here], names[here].map(replicate).rename("replicate")]
    return run.measures.loc[here, measure].astype("float64").groupby(keys).mean().unstack("replicate")
