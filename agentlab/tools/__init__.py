"""What an agent may do besides talk. `TOOLS` are those that a scenario names without a module."""

from collections.abc import Callable

from agentlab.interfaces import Toolset
from agentlab.registry import Registry
from agentlab.tools.mcp_launch import Launch
from agentlab.tools.tool import FunctionTool, Shared, tool

TICKETS = ("ticket", "assign", "claim", "done", "review")
"""Tools that only a board acts on."""
TOOLS = Registry[FunctionTool | Shared](
    __name__,
    {
        "calculate": "calculate:calculate",
        **{name: f"files:{name}" for name in ("read", "write", "edit", "remove", "list_files", "search")},
        "run": "program:program",
        **{name: f"board:{name}" for name in TICKETS},
    },
)
SERVERS = Registry[Callable[[str, Launch, tuple[str, ...] | None], Toolset]](__name__, {"mcp": "mcp:toolset"})
"""By its protocol, what makes the toolset of a server from its name, its start, and the tools that agents get of it."""


def is_of_tickets(toolset: Toolset) -> bool:
    """Whether it is one of `TICKETS`."""
    return any(toolset is TOOLS[name] for name in TICKETS)


__all__ = ["SERVERS", "TICKETS", "TOOLS", "FunctionTool", "Shared", "is_of_tickets", "tool"]
