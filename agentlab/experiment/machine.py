"""What this machine has for experiments: keys, servers, the embedded model, a sandbox."""

import asyncio
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version

from agentlab.errors import SandboxError
from agentlab.models.registry import PROVIDERS
from agentlab.tools.sandbox.confine import landlock
from agentlab.tools.sandbox.detect import sandbox
from agentlab.tools.sandbox.local import Local


@dataclass(frozen=True, slots=True)
class Ability:
    """One thing that a scenario may need."""

    name: str
    there: bool
    says: str
    """How it is there, or how to get it."""


def abilities() -> Iterator[Ability]:
    """Everything that is looked for. Nothing is asked over a network; the sandbox is tried out."""
    system = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    yield Ability("agentlab", True, f"{version('agentlab')}; {system}")
    for name, provider in PROVIDERS.items():
        variable = provider.key or provider.address
        if variable:
            there = bool(os.environ.get(variable, "").strip())
            way = f"set {variable}" + (", or name weights for agentlab to serve" if provider.address else "")
            yield Ability(f"{name}/…", there, f"{variable} is set" if there else way)
        elif provider.lacking is not None:
            model = provider.names[0] if provider.names else "…"
            lacks = provider.lacking(model)
            installed = "its engine and weights are installed" if provider.names else "its engine is installed"
            yield Ability(f"{name}/{model}", not lacks, lacks or installed)
    try:
        yield Ability("sandbox", True, f"{asyncio.run(sandbox()).name} works: agents can use the tool run")
    except SandboxError as error:
        yield Ability("sandbox", False, str(error))
    yield Ability(
        "unsafe-local",
        bool(landlock()),
        f"`run --unsafe-local` needs no sandbox, and has only this protection: {Local().kept}",
    )
