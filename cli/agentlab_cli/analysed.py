"""Analyses as rich prints them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agentlab.analysis.analyse import analyse, attempts
from agentlab.analysis.analysis import Analysis
from agentlab.analysis.cells import columns
from agentlab.analysis.forks.outcomes import measured
from agentlab.analysis.registry import ANALYSES, OPTIONS, takers
from agentlab.errors import AnalysisError, StoreError
from agentlab.runs.frames import Run
from agentlab.text import sanitize
from agentlab_cli.layout import console_for, table

MOST, WIDEST = 60, 48
"""Rows of a table that are printed; characters of a cell."""


def analysed(run: Run, options: Mapping[str, Any], csv: Path | None) -> None:
    """Prints the analyses whose options are set, else all that apply, and writes their tables into `csv`.

    Raises AnalysisError for a named analysis that the run does not allow, after those that it does, and before all for
    an option that none of the named ones takes, or a measure that the run has not.
    """
    if options.get("measure") is not None:
        measured(run, options["measure"])
    console, written, refused = console_for(), list[Path](), list[AnalysisError]()
    chosen = [name for name in ANALYSES if options.get(name)]
    for name, found in _found(run, chosen, _given(chosen, options)):
        if isinstance(found, AnalysisError):
            refused.append(found)
            if not chosen:
                console.print(f"{name}: {sanitize(str(found))}\n", markup=False, soft_wrap=True)
            continue
        _print(console, found)
        if csv is not None:
            written.extend(_write(found, csv))
    if written:
        names = ", ".join(path.name for path in written)
        console.print(f"wrote into {csv}: {names}", markup=False, soft_wrap=True)
    if chosen and refused:
        raise AnalysisError("\n".join(map(str, refused)))


def _given(chosen: list[str], options: Mapping[str, Any]) -> dict[str, str]:
    """What is said to the analyses by keyword: after their own options, and by those that they take besides."""
    said = {ANALYSES[name].value: options[name] for name in chosen if ANALYSES[name].value}
    for option in OPTIONS:
        if options.get(option) is None:
            continue
        if chosen and not set(chosen) & set(takers(option)):
            raise AnalysisError(f"--{option} is for --{', --'.join(takers(option))}; found --{', --'.join(chosen)}")
        said[option] = options[option]
    return said


def _found(run: Run, chosen: list[str], said: Mapping[str, str]) -> Iterator[tuple[str, Analysis | AnalysisError]]:
    if not chosen:
        yield from attempts(run, said)
    for name in chosen:
        try:
            yield name, analyse(run, name, said)
        except AnalysisError as why:
            yield name, why


def _print(console: Console, found: Analysis) -> None:
    def say(text: str) -> None:
        console.print(sanitize(text), soft_wrap=True, markup=False)

    shown = list(found.tables.items())[: found.shown]
    if not shown:
        console.print(escape(sanitize(found.title)), style="bold")
    for i, (name, data) in enumerate(shown):
        console.print(_table(found.title if i == 0 else name.replace("_", " "), data))
    say(found.says)
    for name, data in shown:
        if len(data) > MOST:
            say(f"  {len(data) - MOST} more rows of {name}: --csv FOLDER writes all")
    for note in found.notes:
        say(f"  {note}")
    say("")


def _table(title: str, data: pd.DataFrame) -> Table:
    made = table(sanitize(title))
    shown = columns(data.head(MOST), WIDEST)
    for column in shown:
        made.add_column(escape(column.heading), justify="right" if column.number else "left", overflow="fold")
    for row in zip(*(column.cells for column in shown), strict=True):
        made.add_row(*map(escape, row))
    return made


def _write(found: Analysis, folder: Path) -> list[Path]:
    try:
        return found.write(folder)
    except OSError as error:
        raise StoreError(f"{folder}: cannot write tables there ({error.strerror}); give another --csv") from error
