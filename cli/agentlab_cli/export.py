"""`agentlab export`: a run in formats that other tools read."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)


@app.callback()
def export() -> None:
    """Write a run in formats that other tools read."""


@app.command()
def parquet(
    run: Annotated[str, typer.Argument(help="A run folder, or its name under runs/.")],
    out: Annotated[Path | None, typer.Option(help="Folder to write to. Default: parquet/ in the run folder.")] = None,
) -> None:
    """Write every table of a run as a Parquet file."""
    from agentlab.export import parquet
    from agentlab.store import find

    for written in parquet(find(run), out):
        print(f"{written.path}  {written.rows:,} rows  {written.size / 1024:,.0f} KiB")
