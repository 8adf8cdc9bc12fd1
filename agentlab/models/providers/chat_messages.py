"""A chat as the messages of the chat-completions API."""

from collections.abc import Sequence
from typing import Any, cast

from agentlab.models.arguments import resendable
from agentlab.models.system_role import without_system
from agentlab.types import ChatMessage, ToolCall, ToolSpec

OPAQUE = "openai"
"""Key of `Completion.opaque`, so that another provider's model that takes over a chat leaves it alone."""


def messages(chat: Sequence[ChatMessage], system: bool) -> list[dict[str, Any]]:
    """The messages; where there is no `system` role its text begins the first message of the user."""
    return [_message(entry) for entry in (chat if system else without_system(chat))]


def tool(spec: ToolSpec) -> dict[str, Any]:
    """How a tool is offered."""
    function = {"name": spec.name, "description": spec.description, "parameters": dict(spec.parameters)}
    return {"type": "function", "function": function}


def _message(entry: ChatMessage) -> dict[str, Any]:
    if entry.role == "tool":
        return {"role": "tool", "tool_call_id": entry.tool_call_id, "content": entry.content}
    if entry.role == "assistant" and entry.tool_calls:
        sent: Any = entry.opaque
        opaque = cast("dict[str, Any]", sent) if isinstance(sent, dict) else {}
        back: dict[str, Any] = opaque.get(OPAQUE, {})
        extras: list[dict[str, Any]] = back.get("calls", [{}] * len(entry.tool_calls))
        calls = [{**_call(call), **extra} for call, extra in zip(entry.tool_calls, extras, strict=True)]
        return {"role": "assistant", "content": entry.content or None, **back.get("message", {}), "tool_calls": calls}
    return {"role": entry.role, "content": entry.content}


def _call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": resendable(call.arguments)}
    return {"id": call.id, "type": "function", "function": function}
