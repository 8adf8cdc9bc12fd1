"""Two runs beside each other, as rich prints them."""

import math
from collections.abc import Mapping
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
DIFFERENCE = "difference"


def print_comparison(comparison: Analysis, names: tuple[str, str], quiet: bool = False) -> None:
    """Prints how the runs differ, then the measures of every condition, then the notes on both."""
    console = console_for(quiet)
    _differences(console, comparison.tables["differences"], names)
    measures = comparison.tables["measures"]
    rows = measures.astype("object").where(measures.notna(), None).to_dict("records")
    first, second = (Path(name).name for name in names)
    headings = ("measure", first, second, DIFFERENCE, "conclusion")
    for condition, group in groupby(rows, key=lambda row: row["condition"]):
        every = [{str(key): value for key, value in row.items()} for row in group]
        title = f"{condition}: {_rollouts(every[0], 'first')} and {_rollouts(every[0], 'second')} rollouts"
        show_rows(console, title, headings, list(map(_cells, every)), ("measure", "conclusion"))
        console.print()
    say(console, f"{first}, {second}: means [95% CI for these tasks]", "  ")
    say(console, f"{DIFFERENCE}: {second} minus {first} [95% CI for new tasks, if there are enough]", "  ")
    for note in (comparison.says, *comparison.notes):
        say(console, note, "  ")


def write_comparison(comparison: Analysis, folder: Path, quiet: bool) -> None:
    """Writes both tables as CSV."""
    try:
        written = comparison.write(folder)
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


def _rollouts(row: Row, side: str) -> str:
    return f"{row[f'{side}_scored'] + row[f'{side}_missing']:,}"


def _cells(row: Row) -> tuple[str, ...]:
    lost = [f"{row[f'{side}_missing']:,}" for side in ("first", "second")]
    measure = row["measure"] + (f" ({' and '.join(lost)} missing)" if set(lost) != {"0"} else "")
    if row["suppressed"]:
        return measure, "", "", "", row["conclusion"]
    about = "new_tasks" if row["new_tasks_low"] is not None else "these_tasks"
    difference = _cell(row["difference"], row[f"{about}_low"], row[f"{about}_high"], "+.3f")
    means = (_cell(row[side], row[f"{side}_low"], row[f"{side}_high"], ".3f") for side in ("first", "second"))
    return measure, *means, difference, row["conclusion"]


def _cell(value: float | None, low: float | None, high: float | None, form: str) -> str:
    limits = "" if low is None or high is None else f" [{low:{form}}, {high:{form}}]"
    return f"{number(value, form)}{limits}"
