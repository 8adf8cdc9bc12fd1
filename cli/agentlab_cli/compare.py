"""`agentlab compare`: two runs beside each other."""

from pathlib import Path
from typing import Annotated

import typer

from agentlab_cli.arguments import RunName
from agentlab_cli.printed import AsJson, Quiet, print_json


def compare(
    first: RunName,
    second: RunName,
    a: Annotated[
        str | None, typer.Option("--a", metavar="CONDITION", help="Compare this condition of the first run.")
    ] = None,
    b: Annotated[
        str | None, typer.Option("--b", metavar="CONDITION", help="Compare it with this condition of the second run.")
    ] = None,
    measure: Annotated[str | None, typer.Option(metavar="NAME", help="Compare this measure only.")] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FOLDER", help="Write both tables into this folder.")
    ] = None,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Compare two runs: their settings, and their measures side by side with the differences."""
    from agentlab.analysis.compare_runs import compare_runs
    from agentlab.runs.frames import load
    from agentlab.store import find
    from agentlab_cli.compared import print_comparison, write_comparison

    comparison = compare_runs(load(find(first)), load(find(second)), a, b, measure)
    if json:
        print_json({"first": find(first), "second": find(second), **comparison.tables, "notes": comparison.notes})
    else:
        print_comparison(comparison, (first, second), quiet)
    if csv is not None:
        write_comparison(comparison, csv, quiet=json or quiet)
