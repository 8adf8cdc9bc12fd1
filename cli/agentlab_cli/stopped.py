"""What Ctrl-C says when it ends a command."""

import shlex
import sys

INTERRUPTED = 130
"""The exit code after Ctrl-C."""


def stopped() -> int:
    """Says, after Ctrl-C, that nothing was lost and what to type; returns the exit code."""
    again = f"agentlab {shlex.join(sys.argv[1:])}"
    print(f"Stopped; everything committed is kept. To start again: {again}", file=sys.stderr)
    return INTERRUPTED
