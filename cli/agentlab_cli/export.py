"""`agentlab export`: a run in formats that other tools read, and sheets that people fill."""

from pathlib import Path
from typing import Annotated

import typer

from agentlab_cli import codes
from agentlab_cli.arguments import RunName
from agentlab_cli.printed import AsJson, Quiet, print_result

app = typer.Typer(no_args_is_help=True, epilog=codes.codes(codes.READS))


@app.callback()
def export() -> None:
    """Write a run in formats that other tools read."""


@app.command(epilog=codes.codes(codes.READS))
def parquet(
    run: RunName,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write into this folder. Default: parquet/ in the run folder.")
    ] = None,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write every table of a run as a Parquet file."""
    from agentlab.runs.exports import parquet
    from agentlab.store import find

    files = parquet(find(run), out)
    lines = (f"{written.path}  {written.rows:,} rows  {written.size / 1024:,.0f} KiB" for written in files)
    print_result({"files": files}, lines, json, quiet)


@app.command(epilog=codes.codes(codes.READS))
def workspace(
    run: RunName,
    rollout: Annotated[
        str,
        typer.Option(
            metavar="ROLLOUT", help="Take this rollout: the beginning of its key, or task=loan,team=firm,draw=1."
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Write into this folder, which must not exist yet.")],
    round: Annotated[
        int | None,
        typer.Option(metavar="ROUND", help="Write the files as they were after this round. Default: the end."),
    ] = None,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write the files that agents made in one rollout."""
    from agentlab.runs.exports import workspace
    from agentlab.store import find

    files = workspace(find(run), rollout, out, round)
    print_result({"files": files}, files, json, quiet)


@app.command(epilog=codes.codes(codes.READS))
def rows(
    run: RunName,
    file: Annotated[Path, typer.Argument(help="The JSON-lines file to write. An existing file is never replaced.")],
    shape: Annotated[
        str, typer.Option("--as", metavar="SHAPE", help="The shape: trl, verl, open-instruct, tinker, or openai.")
    ] = "trl",
    generation: Annotated[
        int, typer.Option(metavar="N", min=1, help="Take the rows that trained this generation.")
    ] = 1,
    condition: Annotated[
        str | None,
        typer.Option(metavar="CONDITION", help="Take the rows of this condition, such as kept_by=truth,generation=1."),
    ] = None,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write the training rows of a self-training loop in the shape that another trainer reads."""
    from agentlab.runs.exports import training_rows
    from agentlab.runs.frames import load
    from agentlab.store import find

    count = training_rows(load(find(run)), file, shape, generation, condition)
    print_result({"file": file, "rows": count}, [f"Wrote {count:,} rows to {file}"], json, quiet)


@app.command(epilog=codes.codes(codes.READS))
def attacks(
    run: RunName,
    file: Annotated[Path, typer.Argument(help="The YAML file to write. An existing file is never replaced.")],
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write the attacks that a search found, for the tasks of another scenario."""
    from agentlab.runs.exports import attacks
    from agentlab.runs.frames import load
    from agentlab.store import find

    count = attacks(load(find(run)), file)
    line = f"Wrote {count:,} attacks to {file}; use them with `tasks: {{kind: arithmetic, attacks: !file {file}}}`"
    print_result({"file": file, "attacks": count}, [line], json, quiet)


@app.command(epilog=codes.codes(codes.READS))
def labels(
    run: RunName,
    file: Annotated[Path, typer.Argument(help="The CSV file to write. An existing file is never replaced.")],
    measure: Annotated[
        str, typer.Option(metavar="NAME", help="Draw outputs scored on this measure, for people to rate.")
    ],
    n: Annotated[int, typer.Option(metavar="N", help="Draw this many outputs, spread over all conditions.")] = 60,
    seed: Annotated[
        int | None, typer.Option(metavar="SEED", help="Use this seed for the draw. Default: the run's seed.")
    ] = None,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Draw outputs for people to label: blind, shuffled, and with the sampling probability of each."""
    from agentlab.runs.exports import sheet
    from agentlab.store import find

    drawn = sheet(find(run), file, measure, n, seed)
    print_result(drawn, [drawn], json, quiet)
