"""The tools that a scenario gives its agents: those that ship, those of servers under `mcp`, and one's own."""

import os
from collections.abc import Mapping
from typing import Any

from agentlab.interfaces import Toolset
from agentlab.own_code import is_own
from agentlab.scenario import plugins
from agentlab.scenario.document import Keys
from agentlab.scenario.fields import McpFields
from agentlab.scenario.validate import CheckedDocument
from agentlab.suggestion import suggest
from agentlab.tools import SERVERS, TOOLS
from agentlab.tools.mcp_launch import Launch, ServerError

MCP = "mcp/"
"""How the tools of a server are named among those of an agent."""


def tools(
    site: CheckedDocument, references: tuple[str, ...], path: Keys, servers: Mapping[str, McpFields]
) -> tuple[Toolset, ...]:
    """The tools of the agent at `path`, none of them twice."""
    toolsets: list[Toolset] = []
    names = set[str]()
    for i, reference in enumerate(references):
        where: Keys = (*path, "tools", i)
        if reference in TOOLS:
            toolset: Toolset = TOOLS[reference]
        elif reference.startswith(MCP):
            server = _server(site, reference.removeprefix(MCP), servers, where)
            if server is None:
                continue
            toolset = server
        elif not is_own(reference):
            site.wrong(
                where,
                f"no tool {reference!r}",
                suggest(reference, TOOLS, noun="a tool"),
            )
            continue
        else:
            try:
                toolset = _toolset(reference, site)
            except Exception as error:  # a tool of the user's may fail in any way
                site.wrong(where, str(error), "fix the module, or name another tool")
                continue
        offered = [tool.spec.name for tool in toolset.tools]
        if twice := [name for name in offered if name in names]:
            site.wrong(where, f"a second tool named {twice[0]!r}", "give each tool of an agent a name of its own")
        names |= set(offered)
        toolsets.append(toolset)
    return tuple(toolsets)


def _toolset(reference: str, site: CheckedDocument) -> Toolset:
    part: Any = plugins.get(reference, site.folder)
    if not hasattr(part, "open") or not all(hasattr(tool, "spec") for tool in getattr(part, "tools", (None,))):
        raise ValueError(f"{reference} is not a tool: it is not an async function decorated with @agentlab.tools.tool")
    return part


def _server(site: CheckedDocument, name: str, servers: Mapping[str, McpFields], where: Keys) -> Toolset | None:
    """The tools of the server with this name, which an agent is given at `where`. The server is started for a moment.

    What is wrong is added to the findings.
    """
    if name not in servers:
        site.wrong(where, f"no server {name!r} under mcp", suggest(name, servers))
        return None
    server, path = servers[name], ("mcp", name)
    unset = [variable for variable in server.env if variable not in os.environ]
    if unset:
        site.wrong((*path, "env"), f"the environment variable {unset[0]} is not set", f"type `export {unset[0]}=…`")
        return None
    try:
        launch = Launch((server.command, *server.args), server.env, site.folder.resolve(), server.seconds)
        return SERVERS["mcp"](name, launch, server.only)
    except ServerError as error:
        place = "only" if str(error).startswith("has no tool") else "command"
        site.wrong((*path, place), f"the server {name!r} {error}", "fix the entry, or the server")
        return None
