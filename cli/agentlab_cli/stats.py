"""`agentlab stats`: the analyses of a run, as tables. Its options are those of the registry of analyses."""

from collections.abc import Iterator
from inspect import Parameter, Signature
from pathlib import Path
from typing import Annotated, Any

import typer

from agentlab.analysis.registry import ANALYSES, OPTIONS, takers


def stats(run: str, csv: Path | None = None, cluster: str | None = None, **options: Any) -> None:
    """Print what the analyses of a run find: those that are named, else every one that applies to it."""
    from agentlab.runs.frames import load
    from agentlab.store import find
    from agentlab_cli.analysed import analysed

    analysed(load(find(run), cluster), options, csv)


def _parameters() -> Iterator[tuple[str, Any, Any]]:
    """Name, annotation and default of everything that the command takes."""
    yield "run", Annotated[str, typer.Argument(help="A run folder or its name under runs/.")], Parameter.empty
    for name, entry in ANALYSES.items():
        if entry.value:
            option = typer.Option(f"--{name}", metavar=entry.metavar, help=entry.help)
            yield name, Annotated[str | None, option], None
        else:
            yield name, Annotated[bool, typer.Option(f"--{name}", help=entry.help)], False
    for name, entry in OPTIONS.items():
        of = "" if entry.common else f"For --{' and --'.join(takers(name))}: "
        option = typer.Option(f"--{name}", metavar=entry.metavar, help=of + entry.help)
        yield name, Annotated[str | None, option], None
    option = typer.Option("--cluster", metavar="FIELD", help="The field of the tasks that says which share a source.")
    yield "cluster", Annotated[str | None, option], None
    option = typer.Option("--csv", metavar="FOLDER", help="Write all tables into this folder.")
    yield "csv", Annotated[Path | None, option], None


# typer reads a command's options off its signature
stats.__dict__["__signature__"] = Signature(
    [
        Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, annotation, default in _parameters()
    ]
)
