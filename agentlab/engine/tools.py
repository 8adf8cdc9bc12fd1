"""What an agent may do besides talk: a model's wish for a tool becomes a result, whatever the model wrote."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from agentlab.engine.client import storable
from agentlab.interfaces import Tool
from agentlab.types import ToolCall, ToolResult, Where


async def use(tools: Sequence[Tool], wish: ToolCall, where: Where) -> ToolResult:
    """The result of one tool call. Unknown tools, bad arguments and failing tools are results that say so."""
    tool = next((tool for tool in tools if tool.spec.name == wish.name), None)
    if tool is None:
        known = ", ".join(tool.spec.name for tool in tools) or "none"
        return ToolResult(wish.id, f"There is no tool {wish.name!r}. Tools: {known}.", error=True)
    try:
        arguments = json.loads(wish.arguments or "{}")
        if not isinstance(arguments, Mapping):
            raise TypeError("the arguments must be a JSON object")
        return ToolResult(wish.id, storable(await tool(cast(Mapping[str, Any], arguments), where)))
    except Exception as error:  # what a tool or its arguments do wrong is for the model to read
        return ToolResult(wish.id, f"{type(error).__name__}: {error}", error=True)
