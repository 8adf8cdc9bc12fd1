"""Incoherence and success with several tries in each generation, on held-out tasks."""

from collections.abc import Callable, Iterator, Sequence

import pandas as pd

from agentlab.analysis.analysis import Analysis
from agentlab.analysis.generations.lineage import Lineage
from agentlab.analysis.incoherence.decomposition import decomposition
from agentlab.analysis.passes import tries
from agentlab.analysis.remarks import Remarks
from agentlab.analysis.row import Row
from agentlab.errors import AnalysisError
from agentlab.runs.frames import Run

SHOWN = {"incoherence": "incoherence", "pass_at": "pass at", "majority": "majority"}
BLANK = (
    "blank where there is no estimate, as with one draw of each task, without errors (for incoherence), or for a "
    "measure that is not right or wrong; `decompose` and `passes` give the reasons"
)


def answers(run: Run, loops: Sequence[Lineage], measures: Sequence[str], remarks: Remarks) -> list[Row]:
    """By measure and generation: incoherence, pass@k, and maj@k for the largest k, as the analyses of these names
    estimate them. A measure that none of them applies to has no row."""
    by_replicate = any(loop.replicate for loop in loops)
    parts = _table(
        lambda: decomposition(run), "replicates" if by_replicate else "decomposition", remarks, "incoherence"
    )
    several = _table(lambda: tries(run), "new_tasks", remarks, "pass@k")
    rows = [row for loop in loops for measure in measures for row in _rows(parts, several, loop, measure)]
    if columns := blank(rows):
        remarks.add(f"{' and '.join(columns)}: {BLANK}")
    return rows


def blank(rows: Sequence[Row]) -> list[str]:
    """The columns in which some rows have a value and others have none."""
    known = {name: [pd.notna(row.get(name)) for row in rows] for name in SHOWN}
    return [SHOWN[name] for name, there in known.items() if any(there) and not all(there)]


def _rows(parts: pd.DataFrame, several: pd.DataFrame, loop: Lineage, measure: str) -> Iterator[Row]:
    for generation, condition in loop.conditions.items():
        row: Row = {"arm": loop.name, "measure": measure, "generation": generation}
        row |= _cells(_of(parts, measure, condition), ("incoherence",))
        most = _of(several, measure, condition)
        if not most.empty:
            most = most.sort_values("k", ascending=False)
            row["k"] = int(most["k"].max())
        row |= _cells(most, ("pass_at", "majority"))
        if len(row) > 3:
            yield row


def _table(make: Callable[[], Analysis], name: str, remarks: Remarks, what: str) -> pd.DataFrame:
    try:
        return make().tables.get(name, pd.DataFrame())
    except AnalysisError as why:
        remarks.add(f"{what}: {why}")
        return pd.DataFrame()


def _of(table: pd.DataFrame, measure: str, condition: str) -> pd.DataFrame:
    if table.empty:
        return table
    return table[(table["measure"] == measure) & (table["condition"].astype("str") == condition)]


def _cells(rows: pd.DataFrame, names: Sequence[str]) -> Row:
    """Each column with its limits, from the first row."""
    if rows.empty:
        return {}
    first = rows.iloc[0]
    ends = [f"{name}{end}" for name in names for end in ("", "_low", "_high")]
    return {name: first[name] for name in ends if name in rows.columns}
