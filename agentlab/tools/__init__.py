"""What an agent may do besides talk. `TOOLS` are those that a scenario names without a module."""

from agentlab.tools import board
from agentlab.tools.calculate import calculate
from agentlab.tools.files import edit, list_files, read, remove, search, write
from agentlab.tools.program import program
from agentlab.tools.tool import FunctionTool, Shared, tool

_FILES = (read, write, edit, remove, list_files, search)
TICKETS: tuple[FunctionTool, ...] = (board.ticket, board.assign, board.claim, board.done, board.review)
"""Tools that only a board acts on."""
_SHIPPED: tuple[FunctionTool | Shared, ...] = (calculate, *_FILES, program, *TICKETS)
TOOLS: dict[str, FunctionTool | Shared] = {made.tools[0].spec.name: made for made in _SHIPPED}

__all__ = ["TICKETS", "TOOLS", "FunctionTool", "Shared", "tool"]
