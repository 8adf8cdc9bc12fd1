"""The commands, and how an error ends one: one message, no traceback, the exit code of its kind."""

import sqlite3
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Annotated, Any, NamedTuple

import typer

from agentlab.errors import AgentlabError
from agentlab.text import sanitize
from agentlab_cli import codes
from agentlab_cli.interrupted import Interruptible

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


class Listed(NamedTuple):
    """A command: how the help lists it, and where it is."""

    panel: str
    exits: tuple[int, ...]
    """Its exit codes."""
    module: str
    """Its module in `agentlab_cli`."""


COMMANDS: Mapping[str, Listed] = {
    "new": Listed(MAKE, codes.WRITES, "design"),
    "check": Listed(MAKE, codes.CHECKS, "design"),
    "plan": Listed(MAKE, codes.READS, "design"),
    "run": Listed(RUN, codes.PLAYS, "run"),
    "train": Listed(RUN, codes.PLAYS, "train"),
    "judge": Listed(RUN, codes.PLAYS, "judge"),
    "resample": Listed(RUN, codes.PLAYS, "resample"),
    "show": Listed(READ, codes.READS, "show"),
    "stats": Listed(READ, codes.READS, "stats"),
    "report": Listed(READ, codes.READS, "report"),
    "list": Listed(SEVERAL, codes.READS, "listing"),
    "compare": Listed(SEVERAL, codes.READS, "compare"),
    "import": Listed(KEEP, codes.READS, "imports"),
    "export": Listed(KEEP, codes.READS, "export"),
    "doctor": Listed(KEEP, codes.READS, "doctor"),
}
GROUPS = ("stats", "import", "export")
"""Commands with commands of their own, each the `app` of its module."""


def _version(asked: bool) -> None:
    if asked:
        import platform
        from importlib.metadata import version

        system = f"{platform.system()} {platform.release()} {platform.machine()}"
        print(f"agentlab {version('agentlab')}, Python {platform.python_version()}, {system}")
        raise typer.Exit


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


def application(names: Iterable[str]) -> typer.Typer:
    """The command line with the commands of these names; it imports no others."""
    made = typer.Typer(
        cls=Interruptible,
        invoke_without_command=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        help="Controlled experiments on organizations of language-model agents.",
        epilog=codes.codes(codes.PLAYS),
        callback=root,
    )
    for name in names:
        panel, exits, module = COMMANDS[name]
        home = import_module(f"agentlab_cli.{module}")
        if name in GROUPS:
            made.add_typer(home.app, name=name, rich_help_panel=panel)
        else:
            command = getattr(home, "list_" if name == "list" else name)
            made.command(name, rich_help_panel=panel, epilog=codes.codes(exits))(command)
    return made


def meant(words: Sequence[str]) -> Iterable[str]:
    """The commands that these words on the command line need: the first one, none for `--version`, else all."""
    first = words[0] if words else ""
    return (first,) if first in COMMANDS else () if first == "--version" else COMMANDS


app: typer.Typer
"""The command line with every command, made when it is first asked for."""


def __getattr__(name: str) -> Any:
    if name != "app":
        raise AttributeError(name)
    return globals().setdefault(name, application(COMMANDS))


def run() -> None:
    """The command that was typed."""
    try:
        application(meant(sys.argv[1:]))()
    except AgentlabError as error:
        print(sanitize(str(error)), file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.exit(1)
    except sqlite3.Error as error:  # found while a run is read: what is damaged is seldom the file's beginning
        print(f"The run's file is damaged ({error}); `agentlab doctor RUN` shows what can be read.", file=sys.stderr)
        sys.exit(1)
