"""`agentlab doctor`: a run folder that may be damaged, examined and rescued."""

from typing import Annotated

import typer


def doctor(
    run: Annotated[str, typer.Argument(help="The run folder, or its name under runs/.")],
    out: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Copy what can be read to a new run in this folder.")
    ] = None,
) -> None:
    """Check the file of a run, say what can be read of it, and copy that to a new run."""
    from pathlib import Path

    from agentlab.store import find
    from agentlab.store.rescue import examine, rescue
    from agentlab.text import pluralize

    folder = find(run)
    finding = examine(folder)
    for problem in finding.problems:
        print(problem)
    rows = ", ".join(
        pluralize(count, table.removesuffix("s")) for table, count in finding.rows.items() if table != "meta"
    )
    state = "damaged" if finding.problems or finding.lost else "sound"
    print(f"{folder}: the file is {state}. It can be read: {rows}.")
    if finding.lost:
        print(f"Not to their end: {', '.join(finding.lost)}.")
    if out is not None:
        copied = rescue(folder, Path(out))
        print(f"Copied {pluralize(sum(copied.values()), 'row')} to {out}.")
        print(f"The same `agentlab run` with --out {out} goes on.")
    elif state == "damaged":
        print(f"Next: agentlab doctor {folder} --out {folder}-rescued")
    raise typer.Exit(0 if state == "sound" or out is not None else 1)
