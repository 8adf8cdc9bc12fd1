"""`agentlab export`: a run in formats that other tools read, and sheets that people fill."""

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
    from agentlab.runs.exports import parquet
    from agentlab.store import find

    for written in parquet(find(run), out):
        print(f"{written.path}  {written.rows:,} rows  {written.size / 1024:,.0f} KiB")


@app.command()
def workspace(
    run: Annotated[str, typer.Argument(help="A run folder, or its name under runs/.")],
    rollout: Annotated[str, typer.Option(help="A key's beginning, or task=loan,team=firm,draw=1.")],
    out: Annotated[Path, typer.Option(help="Folder to write to; it must not be there yet.")],
    round: Annotated[int | None, typer.Option(help="As the files were after this round. Default: at the end.")] = None,
) -> None:
    """Write the files that a team made in one rollout."""
    from agentlab.runs.exports import workspace
    from agentlab.store import find

    for path in workspace(find(run), rollout, out, round):
        print(path)


@app.command()
def labels(
    run: Annotated[str, typer.Argument(help="A run folder, or its name under runs/.")],
    file: Annotated[Path, typer.Argument(help="CSV file to write; one that is there is never replaced.")],
    measure: Annotated[str, typer.Option(help="The measure to be rated.")],
    n: Annotated[int, typer.Option(help="How many outputs; every condition gets its share.")] = 60,
    seed: Annotated[int | None, typer.Option(help="Seed of the draw. Default: the run's.")] = None,
) -> None:
    """Draw outputs for people to label: blind, shuffled, with the probability that each was drawn with."""
    from agentlab.runs.exports import sheet
    from agentlab.store import find

    print(sheet(find(run), file, measure, n, seed))
