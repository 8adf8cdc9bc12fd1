"""`agentlab list`: the runs of a folder, newest first."""

from pathlib import Path
from typing import Annotated

import typer

from agentlab_cli.printed import AsJson, print_json


def list_(
    folder: Annotated[Path, typer.Argument(help="The folder that holds the run folders.")] = Path("runs"),
    json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the run folders alone, one a line.")] = False,
) -> None:
    """List the runs of a folder, newest first: what each played, how far it is, and what it cost."""
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
