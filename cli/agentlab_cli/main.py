"""The `agentlab` command, which Ctrl-C ends with a sentence also while it is still being imported."""

import sys
from typing import Any

from agentlab_cli.stopped import stopped


def main() -> None:
    """The `agentlab` command."""
    try:
        from agentlab_cli import commands

        commands.run()
    except KeyboardInterrupt:
        sys.exit(stopped())


def __getattr__(name: str) -> Any:
    """`app`, the command line with every command, which takes a third of a second to import."""
    if name != "app":
        raise AttributeError(name)
    from agentlab_cli import commands

    return commands.app
