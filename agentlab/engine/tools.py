"""Tools within a rollout: toolsets are opened once, and every tool call gets a result, whatever the model wrote."""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from msgspec import structs

from agentlab.cancellation import is_asked
from agentlab.errors import MismatchError, ProgramError, Stopped, ToolsetError
from agentlab.interfaces import Tool
from agentlab.models.arguments import arguments
from agentlab.organization.agents import Organization, TurnLimits
from agentlab.organization.tagged import MOST
from agentlab.seeds import stream
from agentlab.text import middle, utf8_safe
from agentlab.types import Act, Returned, Scene, Task, ToolCall, ToolResult

DEFAULTS = TurnLimits()


@dataclass(frozen=True, slots=True)
class OpenTool:
    """A tool in an open toolset, with what the toolset opened."""

    tool: Tool
    resource: Any


Tools = Mapping[str, Mapping[str, OpenTool]]
"""By agent, then by the tool's name."""
NO_TOOLS: Tools = MappingProxyType({})


@asynccontextmanager
async def opened(organization: Organization, task: Task) -> AsyncGenerator[Tools]:
    """Every toolset of the organization, open; one that several agents have is opened once and shared by them.

    Raises `ToolsetError` when one cannot be opened.
    """
    if not any(agent.tools for agent in organization.agents):
        yield NO_TOOLS
        return
    resources: dict[int, Any] = {}
    async with AsyncExitStack() as stack:
        for toolset in (toolset for agent in organization.agents for toolset in agent.tools):
            if id(toolset) not in resources:
                try:
                    resources[id(toolset)] = await stack.enter_async_context(toolset.open(task))
                except Exception as error:  # a toolset of the user's may fail in any way
                    names, kind = ", ".join(tool.spec.name for tool in toolset.tools), type(error).__name__
                    raise ToolsetError(f"the tools {names} cannot be opened: {kind}: {error}") from error
        yield {
            agent.name: {
                tool.spec.name: OpenTool(tool, resources[id(toolset)])
                for toolset in agent.tools
                for tool in toolset.tools
            }
            for agent in organization.agents
        }


async def use_all(
    tools: Mapping[str, OpenTool], scene: Scene, root: str, limits: TurnLimits = DEFAULTS
) -> tuple[ToolResult, ...]:
    """The results of all that the last call of the scene asks for, one after the other.

    `root` is what their random streams hash. The streams do not depend on the attempt, since results are kept when a
    rollout is tried again. Results of one call share half of the characters of results that a prompt shows.
    """
    call = scene.calls[-1]
    wishes = call.completion.tool_calls if call.completion is not None else ()
    results: list[ToolResult] = []
    longest = limits.result
    if limits.shown is not None:
        longest = min(longest, limits.shown // 2 // max(1, min(MOST, len(wishes))))
    for i, wish in enumerate(wishes):
        if i >= MOST:
            content = f"Not done: of the tool calls of one reply the first {MOST} are made. Ask again with fewer."
            results.append(ToolResult(wish.id, content, error=True))
            continue
        random_stream = stream(root, "tool", scene.agent, scene.round, call.k, i)
        so_far = (*scene.calls[:-1], structs.replace(call, tool_results=tuple(results)))
        results.append(await use(tools, wish, replace(scene, calls=so_far, stream=random_stream), longest))
    return tuple(results)


async def use(
    tools: Mapping[str, OpenTool], tool_call: ToolCall, scene: Scene, longest: int = DEFAULTS.result
) -> ToolResult:
    """The result of one tool call. Unknown tools, bad arguments and failing tools are results that say so.

    A result of more than `longest` characters loses its middle.
    """
    if tool_call.name not in tools:
        known = ", ".join(tools) or "none"
        return ToolResult(tool_call.id, f"There is no tool {tool_call.name!r}. Tools: {known}.", error=True)
    opened, clock = tools[tool_call.name], time.perf_counter()
    content, acts, error = "", tuple[Act, ...](), False
    try:
        values = arguments(tool_call.arguments)
        content, acts = _texts(await opened.tool(replace(scene, resource=opened.resource), values))
    except (ProgramError, MismatchError, Stopped):  # of a program's model call, which no model is to read
        raise
    except (Exception, asyncio.CancelledError) as raised:  # what goes wrong is for the model to read
        if isinstance(raised, asyncio.CancelledError) and is_asked():
            raise
        content, error = utf8_safe(f"{type(raised).__name__}: {raised}".removesuffix(": ")), True
    seconds = time.perf_counter() - clock
    return ToolResult(tool_call.id, middle(content, longest), error, seconds, acts)


def _texts(returned: Returned) -> tuple[str, tuple[Act, ...]]:
    """What a tool returned as it can be stored. Raises TypeError for what is no text, AttributeError for no act."""
    parts: list[Any] = [returned.content, *(part for act in returned.acts for part in (act.kind, act.content))]
    if wrong := [type(part).__name__ for part in parts if not isinstance(part, str)]:
        raise TypeError(f"the tool returned {wrong[0]} where a text belongs")
    acts = tuple(Act(*(utf8_safe(part) for part in (act.kind, act.content, act.ref))) for act in returned.acts)
    return utf8_safe(returned.content), acts
