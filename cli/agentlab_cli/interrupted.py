"""What Ctrl-C says where no run is being played."""

import shlex
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

NOTHING = "Stopped before anything was played; no run was made or changed."
INTERRUPTED = 130
"""The exit code after Ctrl-C."""


def stopped() -> int:
    """Says, after Ctrl-C, that nothing was lost and what to type; returns the exit code."""
    again = f"agentlab {shlex.join(sys.argv[1:])}"
    print(f"Stopped; everything committed is kept. To start again: {again}", file=sys.stderr)
    return INTERRUPTED


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
