"""Prints one analysis: its tables, what they show, what their columns mean, and the notes."""

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
    analysis = analyse(run, name, options)
    console, written = console_for(quiet), [] if csv is None else write(analysis, csv)
    if as_json:
        print_json(as_object(analysis))
        return
    print_analysis(console, analysis, len(analysis.tables) if every else analysis.shown)
    if hidden := [name for name, data in list(analysis.tables.items())[analysis.shown :] if not every and len(data)]:
        names = ", ".join(name.replace("_", " ") for name in hidden)
        say(console, f"More tables ({names}): agentlab stats {run.folder} {name} --all")
    if csv is not None:
        say(console, f"wrote into {csv}: {', '.join(path.name for path in written)}")


def as_object(analysis: Analysis) -> dict[str, Any]:
    """The analysis as `--json` prints it."""
    return {
        "name": analysis.name,
        "title": analysis.title,
        "result": analysis.headline,
        "says": analysis.says,
        "tables": dict(analysis.tables),
        "legend": dict(analysis.legend),
        "notes": analysis.notes,
    }


def write(analysis: Analysis, folder: Path) -> list[Path]:
    """Writes its tables as files. Raises StoreError where the folder cannot be written."""
    try:
        return analysis.write(folder)
    except OSError as error:
        raise StoreError(
            f"{folder}: cannot write tables there ({error.strerror}); give another folder with --csv"
        ) from error


def print_analysis(console: Console, analysis: Analysis, tables: int) -> None:
    """Prints its sentences, its first tables, and what they rest on."""
    if analysis.headline != analysis.says:
        say(console, analysis.headline, "Result: ", "  ")
    say(console, analysis.says)
    shown = [(name, data) for name, data in list(analysis.tables.items())[:tables] if len(data)]
    for i, (name, data) in enumerate(shown):
        console.print()
        first = data.head(MOST)
        made = grouped(first, analysis.groups, WIDEST) if i == 0 and analysis.groups else columns(first, WIDEST)
        show(console, made, analysis.title if i == 0 else name.replace("_", " "))
        if len(data) > MOST:
            say(console, f"{len(data) - MOST} more rows of {name}: --csv FOLDER writes all", "  ")
    if analysis.legend or analysis.notes:
        console.print()
    for note in (*analysis.explained(data.head(MOST) for _, data in shown), *analysis.notes):
        say(console, note, "  ", "    ")
