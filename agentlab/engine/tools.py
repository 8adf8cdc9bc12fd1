"""What an agent may do besides talk: a model's wish for a tool becomes a result, whatever the model wrote."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from agentlab.engine.client import utf8_safe
from agentlab.interfaces import Tool
from agentlab.types import ToolCall, ToolResult, Where


async def use(tools: Sequence[Tool], tool_call: ToolCall, where: Where) -> ToolResult:
    """The result of one tool call. Unknown tools, bad arguments and failing tools are results that say so."""
    tool = next((tool for tool in tools if tool.spec.name == tool_call.name), None)
    if tool is None:
        known = ", ".join(tool.spec.name for tool in tools) or "none"
        return ToolResult(tool_call.id, f"There is no tool {tool_call.name!r}. Tools: {known}.", error=True)
    try:
        arguments = json.loads(tool_call.arguments or "{}")
        if not isinstance(arguments, Mapping):
            raise TypeError("the arguments must be a JSON object")
        return ToolResult(tool_call.id, utf8_safe(await tool(cast(Mapping[str, Any], arguments), where)))
    except Exception as error:  # what a tool or its arguments do wrong is for the model to read
        return ToolResult(tool_call.id, f"{type(error).__name__}: {error}", error=True)
