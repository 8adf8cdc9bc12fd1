"""`agentlab doctor`: a run folder that may be damaged, examined and rescued."""

from typing import Annotated

import typer

from agentlab_cli.arguments import RunName
from agentlab_cli.printed import AsJson, Quiet, print_json


def doctor(
    run: RunName,
    out: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Copy everything readable to a new run in this folder.")
    ] = None,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Check the file of a run, report what can be read, and copy that to a new run."""
    from pathlib import Path

    from agentlab.store import find
    from agentlab.store.rescue import examine, rescue
    from agentlab.text import pluralize

    def say(text: str) -> None:
        if not (json or quiet):
            print(text)

    folder = find(run)
    finding = examine(folder)
    for problem in finding.problems:
        say(problem)
    rows = ", ".join(
        pluralize(count, table.removesuffix("s")) for table, count in finding.rows.items() if table != "meta"
    )
    state = "damaged" if finding.problems or finding.lost else "sound"
    say(f"{folder}: the file is {state}. It can be read: {rows}.")
    if finding.lost:
        say(f"Only partly readable: {', '.join(finding.lost)}.")
    copied = None if out is None else rescue(folder, Path(out))
    if copied is not None:
        say(f"Copied {pluralize(sum(copied.values()), 'row')} to {out}.")
        say(f"To continue, give the same `agentlab run` command with --out {out}.")
    elif state == "damaged":
        say(f"Next: agentlab doctor {folder} --out {folder}-rescued")
    if json:
        print_json({"folder": folder, "state": state, "finding": finding, "copied": copied})
    raise typer.Exit(0 if state == "sound" or out is not None else 1)
