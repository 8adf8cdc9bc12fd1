"""Two runs beside each other, as rich prints them."""

import math
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console

from agentlab.analysis.analysis import Analysis
from agentlab.errors import StoreError
from agentlab.text import line
from agentlab_cli.layout import console_for, number, say, show_rows

MOST, WIDEST = 40, 60
"""Differences between the scenarios that are printed; characters of a value."""
Row = Mapping[str, Any]


def print_comparison(found: Analysis, names: tuple[str, str]) -> None:
    """In what the runs differ, then the measures of every condition, then what has to be said of both."""
    console = console_for()
    _differences(console, found.tables["differences"], names)
    measures = found.tables["measures"]
    rows = measures.astype("object").where(measures.notna(), None).to_dict("records")
    for condition, own in groupby(rows, key=lambda row: row["condition"]):
        cells = [_cells({str(key): value for key, value in row.items()}) for row in own]
        first, second = (Path(name).name for name in names)
        headings = ("measure", first, second, f"{second} - {first}")
        show_rows(console, f"{condition}: means with 95% intervals", headings, cells, headings)
        console.print()
    for note in (found.says, *found.notes):
        say(console, note, "  ")


def write_comparison(found: Analysis, folder: Path, quiet: bool) -> None:
    """Both tables as CSV."""
    try:
        written = found.write(folder)
    except OSError as error:
        raise StoreError(
            f"{folder}: cannot write tables there ({error.strerror}); give another folder with --csv"
        ) from error
    if not quiet:
        print(f"wrote into {folder}: {', '.join(path.name for path in written)}")


def _differences(console: Console, differences: pd.DataFrame, names: tuple[str, str]) -> None:
    if differences.empty:
        console.print("Both runs have the same scenario, seed, and code.\n")
        return
    console.print("What differs", style="bold")
    for part, rows in differences.groupby("part", sort=False):
        console.print(f"  {part}", markup=False)
        for path, first, second in rows[["path", "first", "second"]].head(MOST).itertuples(index=False, name=None):
            console.print(f"    {path}: {_value(first)} → {_value(second)}", soft_wrap=True, markup=False)
        if len(rows) > MOST:
            console.print(f"    … and {len(rows) - MOST} more; --json and --csv FOLDER show all", markup=False)
    console.print(f"  ({Path(names[0]).name} → {Path(names[1]).name})\n", markup=False)


def _value(value: Any) -> str:
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    return "not there" if missing else line(value, WIDEST)


def _cells(row: Row) -> tuple[str, str, str, str]:
    if row["suppressed"]:
        return row["measure"], f"{row['first_scored']} scored", f"{row['second_scored']} scored", "suppressed"
    return row["measure"], _mean(row, "first"), _mean(row, "second"), ", ".join(_difference(row))


def _mean(row: Row, side: str) -> str:
    missing = f", {row[f'{side}_missing']} missing" if row[f"{side}_missing"] else ""
    interval = _interval(row[f"{side}_low"], row[f"{side}_high"], ".3f")
    return f"{number(row[side])} {interval}\n{row[f'{side}_scored']} scored{missing}"


def _difference(row: Row) -> Iterator[str]:
    yield number(row["difference"], "+.3f")
    about = {"these tasks": "these_tasks", "new tasks": "new_tasks"}
    shown = {name: column for name, column in about.items() if row[f"{column}_low"] is not None}
    for name, column in shown.items():
        yield f"{name} {_interval(row[f'{column}_low'], row[f'{column}_high'], '+.3f')}"
    if not shown and row["difference"] is not None:
        yield "no interval"


def _interval(low: float | None, high: float | None, form: str) -> str:
    return "none" if low is None or high is None else f"[{format(low, form)}, {format(high, form)}]"
