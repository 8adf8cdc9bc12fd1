"""`agentlab report`: a run as a page."""

from pathlib import Path
from typing import Annotated

import typer

from agentlab_cli.arguments import RunName
from agentlab_cli.printed import AsJson, Quiet, print_result


def report(
    run: RunName,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write into this folder. Default: RUN/report.")
    ] = None,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write a report of a run: one page that opens offline, with figures as SVG and tables as CSV."""
    from agentlab.report.report import write
    from agentlab.runs.frames import load
    from agentlab.store import find

    folder = find(run)
    page = write(load(folder), out or folder / "report")
    print_result({"page": page}, [f"wrote {page}"], json, quiet)
