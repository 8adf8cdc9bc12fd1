"""`agentlab list`: the runs of a folder, newest first."""

from pathlib import Path
from typing import Annotated

import typer

from agentlab_cli.printed import AsJson, print_json


def list_(
    folder: Annotated[Path, typer.Argument(help="The folder that holds the run folders.")] = Path("runs"),
    json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print only the run folders, one per line.")] = False,
) -> None:
    """List the runs in a folder, newest first, with scenario, progress, and cost."""
    from agentlab.runs.listing import listed
    from agentlab_cli.listed import print_list

    runs = listed(folder)
    if json:
        print_json({"runs": runs})
    elif quiet:
        for run in runs:
            print(run.folder)
    else:
        print_list(runs, folder)
