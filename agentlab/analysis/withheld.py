"""What the tables of an analysis would say of who did better by a judge that cannot tell, taken out of them."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from agentlab.analysis.analysis import Analysis
from agentlab.analysis.suppressed import suppressed_measures
from agentlab.runs.frames import Run

DESCRIBING: Mapping[str, tuple[str, ...]] = {
    "decompose": (
        *("error", "bias2", "accuracy", "mean", "cap", "lapse", "one_wrong", "by_accuracy"),
        *("incoherence", "plug_in", "dispersion", "D", "excess"),  # from which the mean follows, beside the variance
    ),
    "components": (),
    "length": ("error", "bias2", "accuracy", "incoherence", "dispersion"),
    "attribution": (),
    "path": (),
    "interventions": ("difference", "changed", "plain", "new_tasks", "these_tasks", "these_rollouts", "p"),
}
"""Analyses that look at measures by how they vary, and columns of theirs that say which arm or change is better; those
of an interval go with its estimate. The others withhold what they must by themselves."""
QUANTITIES = ("error", "bias2", "incoherence", "dispersion", "excess")
"""Rows of a table with a row for each quantity, of which all numbers are withheld."""


def withheld(run: Run, name: str, analysis: Analysis) -> Analysis:
    """The analysis without the numbers that no judge vouches for, and with a note on each of its measures."""
    if name not in DESCRIBING:
        return analysis
    reasons = suppressed_measures(run)
    measures = [str(m) for table in analysis.tables.values() if "measure" in table for m in table["measure"].unique()]
    doubts = {measure: reasons[measure] for measure in dict.fromkeys(measures) if measure in reasons}
    if not doubts:
        return analysis
    tables = {key: _without(table, key, DESCRIBING[name], doubts) for key, table in analysis.tables.items()}
    gone = "; which arm or change is better is suppressed" if DESCRIBING[name] else ""
    doubt_notes = (f"{m}: these are the judge's scores, which may be wrong{gone}: {why}" for m, why in doubts.items())
    return replace(analysis, tables=tables, notes=(*doubt_notes, *analysis.notes))


def _without(table: pd.DataFrame, key: str, columns: tuple[str, ...], doubts: Mapping[str, str]) -> pd.DataFrame:
    if "measure" not in table or key == "ratios":  # the `mean` there is of ratios, not of scores
        return table
    rows = table["measure"].astype("str").isin(list(doubts)).to_numpy(dtype=bool)
    ends = ("low", "high") if key == "effects" else ()
    hidden = [
        c for c in table.columns if c in (*columns, *ends) or c.removesuffix("_low").removesuffix("_high") in columns
    ]
    shown = table.copy()
    shown.loc[rows, hidden] = np.nan
    if "quantity" in table:
        of = rows & table["quantity"].isin(QUANTITIES).to_numpy(dtype=bool)
        kept = ("measure", "a", "b", "within", "quantity", "tasks")
        shown.loc[of, [c for c in table.columns if c not in kept]] = np.nan
    return shown
