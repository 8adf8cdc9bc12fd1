"""Tool calls of simulated models: native ones, or tags for an agent whose system prompt explains them."""

import json
import re
from collections.abc import Mapping, Sequence

from agentlab.types import Completion, Request, ToolCall

_EXPLAINED = re.compile(r'^<call tool="([^"]+)">$', re.MULTILINE)


def offered(request: Request) -> frozenset[str]:
    """The names of the tools that the agent has here."""
    system = _system(request) if not request.tools else ""
    explained = _EXPLAINED.findall(system) if "<call tool=" in system else ()
    return frozenset((*(tool.name for tool in request.tools), *explained))


def called(request: Request, calls: Sequence[ToolCall], text: str = "") -> Completion:
    """A reply that makes these calls, in the way that the request has for them."""
    if request.tools:
        return Completion(text, tuple(calls), stop="tool")
    tags = (f'<call tool="{call.name}">\n{call.arguments}\n</call>' for call in calls)
    return Completion("\n".join((*([text] if text else []), *tags)))


def call(number: int, name: str, arguments: Mapping[str, str]) -> ToolCall:
    """One call, with arguments as JSON."""
    return ToolCall(f"call_{number}", name, json.dumps(arguments))


def _system(request: Request) -> str:
    return request.chat[0].content if request.chat and request.chat[0].role == "system" else ""
