"""The sandbox of a run's programs: found before anything is spent, and recorded with its version."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from agentlab.judges.program import ProgramConfig
from agentlab.scenario import Design
from agentlab.tools.program import program
from agentlab.tools.sandbox.detect import UNSAFE_LOCAL, sandbox

UNSAFE = "unsafe-local"
"""How the name of what is no sandbox begins."""


async def with_sandbox(design: Design, meta: Mapping[str, Any]) -> dict[str, Any]:
    """`meta` with the sandbox of this machine behind those of earlier commands, where agents or judges run programs.

    Raises `SandboxError`, with the line to type, where there is none.
    """
    agents = (agent for condition in design.conditions for agent in condition.organization.agents)
    judges = (getattr(judge, "config", None) for judge in (*design.judges.values(), *design.selectors.values()))
    tools = any(toolset is program for agent in agents for toolset in agent.tools)
    if not tools and not any(isinstance(config, ProgramConfig) for config in judges):
        return dict(meta)
    return {**meta, "sandboxes": list(dict.fromkeys((*meta.get("sandboxes", ()), (await sandbox()).name)))}


@contextmanager
def unsafe_local(wanted: bool) -> Generator[None]:
    """Until the block ends, programs are run without a sandbox where that is `wanted`."""
    token = UNSAFE_LOCAL.set(wanted)
    try:
        yield
    finally:
        UNSAFE_LOCAL.reset(token)
