"""The sandbox of a run's programs: found before anything is spent, and recorded with its version."""

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from typing import Any

from agentlab.interfaces import Judge
from agentlab.judges.program import ProgramConfig
from agentlab.scenario.condition import Condition
from agentlab.scenario.design import Design
from agentlab.tools.program import program
from agentlab.tools.sandbox.detect import UNSAFE_LOCAL, sandbox

SANDBOXES = "sandboxes"
"""The name under which the run's meta holds them."""
UNSAFE = "unsafe-local"
"""How the name of what is no sandbox begins."""


async def with_sandbox(
    meta: Mapping[str, Any], judges: Iterable[Judge], conditions: Iterable[Condition] = ()
) -> dict[str, Any]:
    """`meta` with the sandbox of this machine behind those of earlier commands, where agents or judges run programs.

    Raises `SandboxError`, with the line to type, where there is none.
    """
    agents = (agent for condition in conditions for agent in condition.organization.agents)
    tools = any(toolset is program for agent in agents for toolset in agent.tools)
    if not tools and not any(isinstance(getattr(judge, "config", None), ProgramConfig) for judge in judges):
        return dict(meta)
    return {**meta, SANDBOXES: list(dict.fromkeys((*meta.get(SANDBOXES, ()), (await sandbox()).name)))}


async def of_design(design: Design, meta: Mapping[str, Any], conditions: Iterable[Condition]) -> dict[str, Any]:
    """`with_sandbox` of these conditions of the design, and all its judges."""
    return await with_sandbox(meta, (*design.judges.values(), *design.selectors.values()), conditions)


@contextmanager
def unsafe_local(wanted: bool) -> Generator[None]:
    """Until the block ends, programs are run without a sandbox where that is `wanted`."""
    token = UNSAFE_LOCAL.set(wanted)
    try:
        yield
    finally:
        UNSAFE_LOCAL.reset(token)
