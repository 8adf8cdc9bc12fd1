"""What Ctrl-C says where no run is being played."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from agentlab_cli.stopped import INTERRUPTED, stopped

NOTHING = "Stopped before anything was played; no run was made or changed."


class Interruptible(TyperGroup):
    """Commands that Ctrl-C ends with a sentence, also while they wait for an answer."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, typer.Abort):
            raise typer.Exit(stopped()) from None


@contextmanager
def before_a_run() -> Generator[None]:
    """Ctrl-C while the block reads and checks what is to be played ends the command with this sentence."""
    try:
        yield
    except KeyboardInterrupt:
        print(NOTHING, file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
