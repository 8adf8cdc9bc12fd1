"""The commands, and what becomes of an error: one message, no traceback, the exit code of its kind."""

import sqlite3
import sys
from typing import Annotated

import typer

from agentlab.errors import AgentlabError
from agentlab.text import sanitize
from agentlab_cli import design, doctor, export, imports, judge, report, resample, run, show, stats

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Controlled experiments on organizations of language-model agents.",
    epilog="Exit codes: 0 done, 1 some rollouts failed, or a run is not there or cannot be read or written, "
    "2 a mistake in the scenario or the command, 3 the run folder does not match, 4 stopped by the run's limit, "
    "130 interrupted, 143 or 129 ended by SIGTERM or SIGHUP.",
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"agentlab {version('agentlab')}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Controlled experiments on organizations of language-model agents."""


app.command()(design.new)
app.command()(design.check)
app.command()(design.plan)
app.command()(run.run)
app.command()(show.show)
app.command()(judge.judge)
app.command()(resample.resample)
app.command()(stats.stats)
app.command()(report.report)
app.command()(doctor.doctor)
app.add_typer(imports.app, name="import")
app.add_typer(export.app, name="export")


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
        print(f"The run's file is damaged ({error}); `agentlab doctor RUN` says what can be read.", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
