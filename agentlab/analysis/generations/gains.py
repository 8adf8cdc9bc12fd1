"""What each generation gained on held-out tasks: against the base, and against the generation before."""

from collections.abc import Iterator, Sequence

import pandas as pd

from agentlab.analysis.cells import columns
from agentlab.analysis.generations.lineage import Lineage
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
        for generation in list(loop.conditions)[1:]:
            for since in sorted({0, generation - 1}):
                if since in loop.conditions:
                    remarks.add(ABOUT)
                    yield _gain(run, loop, measure, generation, since, remarks)


def _gain(run: Run, loop: Lineage, measure: str, generation: int, since: int, remarks: Remarks) -> Row:
    sides = [_values(run, loop.conditions[g], measure) for g in (generation, since)]
    both = pd.concat(sides, axis=1, keys=["now", "then"])
    tasks = [str(task) for task in both.index.get_level_values("task")]
    draws = list(both.index.get_level_values("draw"))
    found = paired(tasks, draws, both["now"].to_numpy(), both["then"].to_numpy(), clusters=run.clusters or None)
    for note in found.notes:
        remarks.add(f"gains of {measure}: {note}")
    head: Row = {"arm": loop.name, "measure": measure, "generation": generation, "since": since}
    tested = found.tested
    return {**head, "tasks": found.tasks, "difference": found.difference, **ends("difference", tested)}


def _values(run: Run, condition: str, measure: str) -> "pd.Series[float]":
    own = run.measures[run.measures["condition"] == condition]
    return own.assign(task=own["task"].astype("str")).set_index(["task", "draw"])[measure].astype("float64")


def sentences(table: pd.DataFrame | None) -> list[str]:
    """What the last generation gained against the base, a sentence for each measure and arm."""
    if table is None or table.empty:
        return []
    newest = int(table["generation"].max())
    last = [row for row in table.to_dict("records") if row["generation"] == newest and row["since"] == 0]
    cells = {one.heading: one.cells for one in columns(pd.DataFrame(last))}
    told: list[str] = []
    for i, row in enumerate(last):
        arm = f"{row['arm']}: " if row.get("arm") else ""
        if pd.isna(row["difference"]):
            continue
        what = "rose" if row["difference"] > 0 else "fell" if row["difference"] < 0 else "changed"
        low, high = row["difference_low"], row["difference_high"]
        if pd.isna(low) or low <= 0 <= high:
            what = "is not shown to have changed"
        told.append(f"{arm}{row['measure']} {what}: {cells['difference'][i]} in generation {row['generation']}.")
    return told
