"""`agentlab report`: a run as a page."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    run: Annotated[str, typer.Argument(help="A run folder or its name under runs/.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write into this folder. [default: RUN/report]")
    ] = None,
) -> None:
    """Write a run as one page that opens offline, with its figures as SVG and its tables as CSV."""
    from agentlab.report.report import write
    from agentlab.runs.frames import load
    from agentlab.store import find

    folder = find(run)
    print(f"wrote {write(load(folder), out or folder / 'report')}")
