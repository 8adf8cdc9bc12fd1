"""What an agent may do besides talk. `TOOLS` are those that a scenario names without a module."""

from agentlab.tools.calculate import calculate
from agentlab.tools.files import edit, list_files, read, remove, search, write
from agentlab.tools.tool import FunctionTool, Shared, tool

TOOLS: dict[str, FunctionTool] = {
    made.spec.name: made for made in (calculate, read, write, edit, remove, list_files, search)
}

__all__ = ["TOOLS", "FunctionTool", "Shared", "tool"]
