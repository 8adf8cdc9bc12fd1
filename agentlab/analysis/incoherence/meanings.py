"""Outputs in free text by what they mean: the groups of a judge of kind equivalence, as predictions."""

import pandas as pd

from agentlab.analysis.incoherence.predictions import RIGHT, Predictions, by_arm, document
from agentlab.analysis.remarks import Remarks
from agentlab.errors import AnalysisError
from agentlab.runs.frames import Run
from agentlab.runs.frames.measures import verdicts_of
from agentlab.types import Measure


def meanings(run: Run, remarks: Remarks) -> list[list[Predictions]]:
    """For each such judge its groups by arm, under the judge's name in place of a measure's; what they lack as remarks.

    Nothing in a group says that it is right. Where exactly one measure of the run is right or wrong by a `match` judge,
    what that calls right is one group of the task, so that there is an error; else there is none.
    """
    by_judge: list[list[Predictions]] = []
    by = _matched(run)
    is_right = pd.Series(dtype="float64") if by is None else _right_by_rollout(run, by)
    for judge, table in run.groups.groupby("judge", sort=False):
        known = table[table["group"].notna()].astype({"rollout": "str", "task": "str"})
        targets = dict[str, str]()
        if by is None:
            remarks.add(
                f"{judge}: groups of outputs with the same meaning; none is known to be right, so this shows "
                f"scatter, not error or bias (a measure from a `match` judge would define what is right)"
            )
        else:
            remarks.add(f"{judge}: groups of outputs with the same meaning; {by.name} defines what is right")
            known = known[known["rollout"].isin(is_right.index)]
            targets = dict.fromkeys(known["task"].unique(), RIGHT)
        right = known["rollout"].map(is_right) == 1
        known = known.assign(said=known["group"].astype("str").mask(right, RIGHT))
        measure = Measure(str(judge), str(judge), {}, (0, 1))
        try:
            by_judge.append(by_arm(run, Predictions(measure, "", "groups", known, (), targets, 0)))
        except AnalysisError as why:
            remarks.add(str(why))
    return by_judge


def _matched(run: Run) -> Measure | None:
    """The one measure by a `match` judge of open answers; None where there are none or several."""
    measures = [m for m in run.measured if document(run, m.judge).get("by") in ("exact", "number", "regex")]
    return measures[0] if len(measures) == 1 else None


def _right_by_rollout(run: Run, m: Measure) -> "pd.Series[float]":
    """By rollout, 1 where it is right and 0 where it is wrong."""
    ((low, high),) = m.scales.values()
    rows = verdicts_of(run.scores, m).dropna(subset="value")
    return ((rows["value"] - low) / (high - low)).set_axis(rows["rollout"].astype("str"))
