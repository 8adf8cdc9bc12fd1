"""`agentlab stats`: the analyses of a run, as tables."""

from pathlib import Path
from typing import Annotated

import typer


def stats(
    context: typer.Context,
    run: Annotated[str, typer.Argument(help="A run folder or its name under runs/.")],
    measure: Annotated[str | None, typer.Option(help="Only this measure.")] = None,
    csv: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Write all tables into this folder.")] = None,
) -> None:
    """Print what the analyses of a run find: those that are named, else every one that applies to it."""
    from agentlab.frames import load
    from agentlab.store import find
    from agentlab_cli.analysed import analysed

    analysed(load(find(run)), context.params, measure, csv)
