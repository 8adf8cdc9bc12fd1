"""The commands, and how an error ends one: one message, no traceback, the exit code of its kind."""

import sqlite3
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from agentlab.errors import AgentlabError
from agentlab.text import sanitize
from agentlab_cli import (
    codes,
    compare,
    design,
    doctor,
    export,
    imports,
    judge,
    listing,
    report,
    resample,
    run,
    show,
    stats,
    train,
)

MAKE, RUN, READ, SEVERAL, KEEP = (
    "Make an experiment",
    "Run it",
    "Read it",
    "Several runs",
    "Housekeeping",
)
"""The panels of the help, in the order of use."""
START = """\
agentlab {version}: controlled experiments on organizations of language-model agents.

Start here:
  agentlab run quickstart      three agents against one; no key, no cost
  agentlab new mine            write a commented scenario of your own, mine.yaml
  agentlab train drift_sim     a model that learns from its own replies
  agentlab show consultancy    see what a shipped scenario would send
  agentlab list                list the runs in runs/
  agentlab --help              see every command; COMMAND --help: its options\
"""

app = typer.Typer(
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Controlled experiments on organizations of language-model agents.",
    epilog=codes.codes(codes.PLAYS),
)


def _version(asked: bool) -> None:
    if asked:
        import platform
        from importlib.metadata import version

        system = f"{platform.system()} {platform.release()} {platform.machine()}"
        print(f"agentlab {version('agentlab')}, Python {platform.python_version()}, {system}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print versions and the platform.")
    ] = False,
) -> None:
    """Controlled experiments on organizations of language-model agents."""
    if context.invoked_subcommand is None:
        from importlib.metadata import version as version_of

        print(START.format(version=version_of("agentlab")))


def _add(panel: str, which: tuple[int, ...], *commands: Callable[..., Any]) -> None:
    for command in commands:
        name = command.__name__.removesuffix("_")
        app.command(name, rich_help_panel=panel, epilog=codes.codes(which))(command)


_add(MAKE, codes.WRITES, design.new)
_add(MAKE, codes.CHECKS, design.check)
_add(MAKE, codes.READS, design.plan)
_add(RUN, codes.PLAYS, run.run, train.train, judge.judge, resample.resample)
_add(READ, codes.READS, show.show)
app.add_typer(stats.app, name="stats", rich_help_panel=READ)
_add(READ, codes.READS, report.report)
_add(SEVERAL, codes.READS, listing.list_, compare.compare)
app.add_typer(imports.app, name="import", rich_help_panel=KEEP)
app.add_typer(export.app, name="export", rich_help_panel=KEEP)
_add(KEEP, codes.READS, doctor.doctor)


def main() -> None:
    """The `agentlab` command."""
    try:
        app()
    except AgentlabError as error:
        print(sanitize(str(error)), file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.exit(1)
    except sqlite3.Error as error:  # found while a run is read: what is damaged is seldom the file's beginning
        print(f"The run's file is damaged ({error}); `agentlab doctor RUN` shows what can be read.", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
