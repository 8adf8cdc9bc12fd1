"""What Ctrl-C says where a command has not begun a run yet."""

import sys
from collections.abc import Generator
from contextlib import contextmanager

import typer

NOTHING = "Stopped before anything was played; no run was made or changed."


@contextmanager
def before_a_run() -> Generator[None]:
    """Ctrl-C while the block reads and checks what is to be played ends the command with this sentence."""
    try:
        yield
    except KeyboardInterrupt:
        print(NOTHING, file=sys.stderr)
        raise typer.Exit(130) from None
