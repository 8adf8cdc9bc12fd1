"""What an agent may do besides talk. `TOOLS` are those that a scenario names without a module."""

from agentlab.tools.calculate import calculate
from agentlab.tools.files import edit, list_files, read, remove, search, write
from agentlab.tools.program import program
from agentlab.tools.tool import FunctionTool, Shared, tool

_SHIPPED: tuple[FunctionTool | Shared, ...] = (calculate, read, write, edit, remove, list_files, search, program)
TOOLS: dict[str, FunctionTool | Shared] = {made.tools[0].spec.name: made for made in _SHIPPED}

__all__ = ["TOOLS", "FunctionTool", "Shared", "tool"]
