"""Tools that a server of the Model Context Protocol offers: each rollout has a server of its own."""

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

from agentlab.tools.mcp_launch import Launch, ServerError
from agentlab.tools.mcp_server import START, Server, served
from agentlab.types import Returned, Scene, Task, ToolSpec

PAGES = 100
"""Pages of a list of tools."""


@dataclass(frozen=True, slots=True)
class ServerTool:
    """One tool of a server."""

    server: str
    spec: ToolSpec

    async def __call__(self, scene: Scene, arguments: Mapping[str, Any]) -> Returned:
        """Raises `RuntimeError` with what the server did instead of answering, and with what it calls an error."""
        running: Server = scene.resource
        try:
            result = await running.request("tools/call", {"name": self.spec.name, "arguments": dict(arguments)})
        except ServerError as error:
            raise RuntimeError(f"the server {self.server!r} {error}") from None
        text = _text(result)
        if result.get("isError"):
            raise RuntimeError(text or "the tool failed and does not say why")
        return Returned(text)


@dataclass(frozen=True, slots=True)
class Mcp:
    """The tools of one server as a toolset. `tools` are those that it listed when the scenario was read."""

    name: str
    launch: Launch
    only: tuple[str, ...] | None
    tools: tuple[ServerTool, ...]

    @asynccontextmanager
    async def open(self, task: Task) -> AsyncGenerator[Server]:
        """Starts the server. Raises `ValueError` when it fails, or lists other tools than it did before."""
        try:
            async with served(self.launch) as server:
                now = {spec.name: spec for spec in await _listed(server, self.only)}
                was = {tool.spec.name: tool.spec for tool in self.tools}
                if now != was:
                    changed = ", ".join(name for name in {**was, **now} if was.get(name) != now.get(name))
                    raise ServerError(f"offers other tools than when the scenario was read: {changed} changed")
                yield server
        except ServerError as error:
            raise ValueError(f"the server {self.name!r} {error}") from None


_known: dict[tuple[str, Launch, tuple[str, ...] | None], Mcp] = {}
"""Those that this process has asked: agents and conditions share them."""


def toolset(name: str, launch: Launch, only: tuple[str, ...] | None) -> Mcp:
    """The toolset of a server, which is started and asked for its tools. Raises `ServerError` with what is wrong."""
    if (name, launch, only) not in _known:
        tools = tuple(ServerTool(name, spec) for spec in _asked(launch, only))
        _known[name, launch, only] = Mcp(name, launch, only, tools)
    return _known[name, launch, only]


def _asked(launch: Launch, only: tuple[str, ...] | None) -> tuple[ToolSpec, ...]:
    """In a thread of its own, since the caller may be inside an event loop."""
    outcome: list[tuple[ToolSpec, ...] | BaseException] = []

    async def ask() -> tuple[ToolSpec, ...]:
        async with served(launch) as server:
            return await _listed(server, only)

    def work() -> None:
        try:
            outcome.append(asyncio.run(ask()))
        except BaseException as error:  # raised again where it was asked for
            outcome.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


async def _listed(server: Server, only: tuple[str, ...] | None) -> tuple[ToolSpec, ...]:
    """The tools that agents get, in the order of `only` or of the server."""
    specs, cursor = dict[str, ToolSpec](), None
    for _ in range(PAGES):
        result = await server.request("tools/list", {} if cursor is None else {"cursor": cursor}, START)
        tools: Any = result.get("tools")
        if not isinstance(tools, list):
            raise ServerError("lists no tools")
        for description in cast("list[Any]", tools):
            spec = _spec(description)
            if spec.name in specs:
                raise ServerError(f"lists the tool {spec.name!r} twice")
            specs[spec.name] = spec
        cursor = result.get("nextCursor")
        if cursor is None:
            break
    else:
        raise ServerError(f"lists its tools on more than {PAGES} pages")
    if only is None:
        return tuple(specs.values())
    if unknown := [name for name in only if name not in specs]:
        raise ServerError(f"has no tool {unknown[0]!r}; it has {', '.join(specs) or 'none'}")
    return tuple(specs[name] for name in only)


def _spec(listed: Any) -> ToolSpec:
    fields = _mapping(listed)
    name: Any = fields.get("name")
    schema: Any = fields.get("inputSchema")
    if not isinstance(name, str) or not name or not isinstance(schema, dict):
        raise ServerError(f"lists a tool without a name and an inputSchema: {str(listed)[:200]}")
    return ToolSpec(name, str(fields.get("description") or ""), cast("dict[str, Any]", schema))


def _mapping(value: Any) -> Mapping[str, Any]:
    """A JSON object; empty for anything else."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _text(result: Mapping[str, Any]) -> str:
    """The parts of a result; of what is no text, what it is."""
    parts: Any = result.get("content")
    said = [_part(part) for part in cast("Sequence[Any]", parts)] if isinstance(parts, list) else []
    if not said and "structuredContent" in result:
        return json.dumps(result["structuredContent"], ensure_ascii=False)
    return "\n".join(said)


def _part(part: Any) -> str:
    fields = _mapping(part)
    text: Any = _mapping(fields.get("resource")).get("text", fields.get("text"))
    if isinstance(text, str):
        return text
    kind = f"{fields.get('type', 'something')} {fields.get('mimeType', '')}".strip()
    return f"({kind}, which agents cannot see)"
