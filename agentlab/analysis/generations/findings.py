"""What a self-training loop found on held-out tasks, a sentence for each arm."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import pandas as pd

from agentlab.analysis.cells import columns
from agentlab.analysis.generations.lineage import Lineage
from agentlab.text import line, pluralize

MOST = 4
"""Arms that have a sentence."""


def sentences(tables: Mapping[str, pd.DataFrame], loops: Sequence[Lineage], tasks: int) -> list[str]:
    """How far the loops went, then what each arm gained since generation 0, and whether proxy and truth parted."""
    last = max(loop.last for loop in loops)
    size = f"on {pluralize(tasks, 'held-out task')}"
    if not last:
        return [f"The base, before any training, {size}."]
    by_arm = [[*group] for _, group in groupby(loops, key=lambda loop: loop.arm)]
    texts = [text for group in by_arm[:MOST] if (text := _arm(tables, group))]
    more = (
        f" {pluralize(len(by_arm) - MOST, 'more arm')}: agentlab stats RUN generations." if len(by_arm) > MOST else ""
    )
    planned = max(int(loop.improve.get("generations", last)) for loop in loops)
    how_far = pluralize(last, "generation") if last >= planned else f"{last} of {pluralize(planned, 'generation')}"
    return [f"{how_far} after the base, {size} (95% CIs in brackets).{more}", *texts]


def _arm(tables: Mapping[str, pd.DataFrame], loops: Sequence[Lineage]) -> str:
    """One arm, in one loop or in several replicates."""
    several = bool(loops[0].replicate)
    name = "replicates" if several else "gains"
    last = max(loop.last for loop in loops)
    rows = [row for row in _rows(tables.get(name), loops[0].arm) if row["generation"] == last and not row.get("since")]
    watched = loops[0].watch or ()
    rows.sort(key=lambda row: row["measure"] not in watched)
    parts = [*_gains(rows)]
    if not parts:
        return ""
    of = f"{'mean' if loops[0].arm else 'Mean'} of {_loop_count(rows, len(loops))}" if several else ""
    who = line(", ".join(part for part in (loops[0].arm, of) if part), 200)
    listed = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    head, start = (f"{who}: ", "from") if who else ("", "From")
    return f"{head}{start} generation 0 to {last}, {listed}{_parting(tables.get('parting'), loops)}."


def _loop_count(rows: Sequence[Mapping[Any, Any]], total: int) -> str:
    """The loops that came as far as the rows tell: `3 loops`, or `2 of 3 loops` where others ended before."""
    most = max(int(row["replicates"]) for row in rows)
    return pluralize(total, "loop") if most == total else f"{most} of {pluralize(total, 'loop')}"


def _rows(table: pd.DataFrame | None, arm: str) -> list[dict[Any, Any]]:
    if table is None or table.empty:
        return []
    return (table[table["arm"] == arm] if "arm" in table else table).to_dict("records")


def _gains(rows: Sequence[Mapping[Any, Any]]) -> Iterator[str]:
    cells = {column.heading: column.cells for column in columns(pd.DataFrame(rows))} if rows else {}
    for row, difference in zip(rows, cells.get("difference", ()), strict=True):
        if pd.isna(row["difference"]):
            continue
        low, high = row["difference_low"], row["difference_high"]
        shown = not pd.isna(low) and not low <= 0 <= high
        what = "is not shown to have changed" if not shown else "rose" if row["difference"] > 0 else "fell"
        yield f"{line(row['measure'])} {what} ({difference})"


def _parting(table: pd.DataFrame | None, loops: Sequence[Lineage]) -> str:
    watch = loops[0].watch
    by_loop = [rows for loop in loops if (rows := _rows(table, loop.name))]
    if watch is None or not by_loop:
        return ""
    first = [next((row["generation"] for row in rows if row["parted"]), None) for rows in by_loop]
    known = [int(generation) for generation in first if generation is not None]
    both = f"{line(watch[0])} and {line(watch[1])}"
    if not known:
        return f"; {both} were not found to part"
    if len(by_loop) == 1:
        return f"; {both} have parted by generation {known[0]} at the latest"
    share = f"{len(known)} of {pluralize(len(by_loop), 'loop')}"
    return f"; {both} have parted in {share}, by generation {max(known)} at the latest"
