"""The sandbox of a run's programs: found before anything is spent, and recorded with its version."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from agentlab.errors import SandboxError, ScenarioError
from agentlab.scenario import Design
from agentlab.tools.program import program
from agentlab.tools.sandbox.detect import UNSAFE_LOCAL, sandbox

UNSAFE = "unsafe-local"
"""How the name of what is no sandbox begins."""


async def with_sandbox(design: Design, meta: Mapping[str, Any]) -> dict[str, Any]:
    """`meta` with the sandbox that programs of the design's agents are run in, behind those of earlier commands.

    Raises `ScenarioError`, with the line to type, where agents run programs and this machine has no sandbox.
    """
    agents = (agent for condition in design.conditions for agent in condition.organization.agents)
    if not any(toolset is program for agent in agents for toolset in agent.tools):
        return dict(meta)
    try:
        name = (await sandbox()).name
    except SandboxError as error:
        raise ScenarioError(str(error)) from error
    return {**meta, "sandboxes": list(dict.fromkeys((*meta.get("sandboxes", ()), name)))}


@contextmanager
def unsafe_local(wanted: bool) -> Generator[None]:
    """Until the block ends, programs are run without a sandbox where that is `wanted`."""
    token = UNSAFE_LOCAL.set(wanted)
    try:
        yield
    finally:
        UNSAFE_LOCAL.reset(token)
