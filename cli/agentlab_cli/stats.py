"""`agentlab stats`: the analyses of a run, each a command of its own, made from the registry of analyses."""

from collections.abc import Callable, Iterator
from inspect import Parameter, Signature
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup, TyperOption

from agentlab.analysis.registry import ANALYSES, OPTIONS, RegisteredAnalysis
from agentlab_cli import codes
from agentlab_cli.arguments import RunName
from agentlab_cli.printed import AsJson, Quiet

Cluster = Annotated[
    str | None, typer.Option(metavar="FIELD", help="The task field that names the source that tasks share.")
]
Csv = Annotated[Path | None, typer.Option(metavar="FOLDER", help="Write all tables into this folder as CSV files.")]
Every = Annotated[bool, typer.Option("--all", help="Print every table of the analysis.")]
OF_ALL = ("cluster", "csv", "json_", "quiet", "every")
"""Options that may stand before an analysis' name, too."""


class _Analyses(TyperGroup):
    """Commands after a run's name, whose group has options before and after that name."""

    allow_interspersed_args = True

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Splits at the name of the command, so that what stands after it is its own."""
        at = self._command(args)
        return super().parse_args(ctx, [*args[:at], *(["--", *args[at:]] if at < len(args) else [])])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and self.get_command(ctx, args[0]) is None:
            ctx.fail(f"No analysis {args[0]!r}. Known are {', '.join(self.list_commands(ctx))}.")
        return super().resolve_command(ctx, args)

    def _command(self, args: list[str]) -> int:
        """Where the first name of a command stands that comes after a run's name."""
        options = [param for param in self.params if isinstance(param, TyperOption) and not param.is_flag]
        texts = {name for option in options for name in option.opts}
        places = [i for i, word in enumerate(args) if not word.startswith("-") and (not i or args[i - 1] not in texts)]
        return places[1] if len(places) > 1 else len(args)


EXITS = codes.codes(codes.READS)
app = typer.Typer(cls=_Analyses, invoke_without_command=True, subcommand_metavar="[ANALYSIS] …", epilog=EXITS)


@app.callback()
def stats(
    ctx: typer.Context,
    run: RunName,
    measure: Annotated[str | None, typer.Option(metavar="NAME", help="Only this measure.")] = None,
    cluster: Cluster = None,
    csv: Csv = None,
    json_: AsJson = False,
    quiet: Quiet = False,
    every: Every = False,
) -> None:
    """Print the results of a run: a short summary and one line per analysis, or a single ANALYSIS in full."""
    given = {"cluster": cluster, "csv": csv, "json_": json_, "quiet": quiet, "every": every}
    ctx.obj = {"run": run, "measure": measure, **given}
    if ctx.invoked_subcommand is not None:
        return
    from agentlab.runs.frames import load
    from agentlab.store import find
    from agentlab_cli.overview import overview

    overview(load(find(run), cluster), {"measure": measure}, csv, json_, quiet)


def _command(name: str, entry: RegisteredAnalysis) -> Callable[..., None]:
    """The command of one analysis."""

    def command(ctx: typer.Context, **given: Any) -> None:
        from agentlab.runs.frames import load
        from agentlab.store import find
        from agentlab_cli.analysed import analysed

        before = ctx.obj
        cluster, csv, json_, quiet, every = (given.pop(option) or before[option] for option in OF_ALL)
        if "measure" in entry.takes:
            given["measure"] = given["measure"] or before["measure"]
        analysed(load(find(before["run"]), cluster), name, given, csv, json_, quiet, every)

    parameters = [Parameter("ctx", Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context), *_parameters(entry)]
    command.__dict__["__signature__"] = Signature(parameters)  # typer reads a command's options off its signature
    command.__doc__ = entry.help
    return command


def _parameters(entry: RegisteredAnalysis) -> Iterator[Parameter]:
    """What one analysis takes, then what all do."""
    kind = Parameter.KEYWORD_ONLY
    if entry.value:
        argument = typer.Argument(metavar=entry.metavar, show_default=False)
        yield Parameter(entry.value, kind, default=None, annotation=Annotated[str | None, argument])
    for name in entry.takes:
        option = typer.Option(f"--{name}", metavar=OPTIONS[name].metavar, help=OPTIONS[name].help)
        yield Parameter(name, kind, default=None, annotation=Annotated[str | None, option])
    for name, annotation in zip(OF_ALL, (Cluster, Csv, AsJson, Quiet, Every), strict=True):
        default = False if annotation in (AsJson, Quiet, Every) else None
        yield Parameter(name, kind, default=default, annotation=annotation)


for _name, _entry in ANALYSES.items():
    app.command(_name, epilog=EXITS)(_command(_name, _entry))
