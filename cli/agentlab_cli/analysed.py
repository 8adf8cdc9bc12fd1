"""One analysis as it is printed: its tables, what they show, what their columns mean, what they rest on."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from agentlab.analysis.analyse import analyse
from agentlab.analysis.analysis import Analysis
from agentlab.analysis.cells import columns, grouped
from agentlab.errors import StoreError
from agentlab.runs.frames import Run
from agentlab_cli.layout import console_for, say, show
from agentlab_cli.printed import print_json

MOST, WIDEST = 100, 240
"""Rows of a table that are printed; characters of a cell."""


def analysed(
    run: Run,
    name: str,
    options: Mapping[str, Any],
    csv: Path | None = None,
    as_json: bool = False,
    quiet: bool = False,
    every: bool = False,
) -> None:
    """Prints one analysis, with every table of it if asked, and writes its tables into `csv`.

    Raises AnalysisError when the run does not allow it.
    """
    found = analyse(run, name, options)
    console, written = console_for(quiet), [] if csv is None else write(found, csv)
    if as_json:
        print_json(as_object(found))
        return
    print_analysis(console, found, len(found.tables) if every else found.shown)
    if hidden := list(found.tables)[found.shown :] if not every else []:
        names = ", ".join(name.replace("_", " ") for name in hidden)
        say(console, f"More tables ({names}): agentlab stats {run.folder} {name} --all")
    if csv is not None:
        say(console, f"wrote into {csv}: {', '.join(path.name for path in written)}")


def as_object(found: Analysis) -> dict[str, Any]:
    """An analysis for programs."""
    return {
        "name": found.name,
        "title": found.title,
        "result": found.headline,
        "says": found.says,
        "tables": dict(found.tables),
        "legend": dict(found.legend),
        "notes": found.notes,
    }


def write(found: Analysis, folder: Path) -> list[Path]:
    """Its tables as files. Raises StoreError where the folder cannot be written."""
    try:
        return found.write(folder)
    except OSError as error:
        raise StoreError(
            f"{folder}: cannot write tables there ({error.strerror}); give another folder with --csv"
        ) from error


def print_analysis(console: Console, found: Analysis, tables: int) -> None:
    """Prints its sentences, its first tables, and what they rest on."""
    if found.headline != found.says:
        say(console, found.headline, "Result: ", "  ")
    say(console, found.says)
    shown = list(found.tables.items())[:tables]
    for i, (name, data) in enumerate(shown):
        console.print()
        first = data.head(MOST)
        made = grouped(first, found.groups, WIDEST) if i == 0 and found.groups else columns(first, WIDEST)
        show(console, made, found.title if i == 0 else name.replace("_", " "))
        if len(data) > MOST:
            say(console, f"{len(data) - MOST} more rows of {name}: --csv FOLDER writes all", "  ")
    if found.legend or found.notes:
        console.print()
    for note in (*found.explained(data.head(MOST) for _, data in shown), *found.notes):
        say(console, note, "  ", "    ")
