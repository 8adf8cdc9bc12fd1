"""Runs programs of agents on this machine without a sandbox, in a temporary folder, if the user asks for it.

What still protects the machine: Landlock (no writing outside the folder, little reading), a filter of system calls (no
sockets), limits on each process, and the end of everything that still runs. What is missing: the number of processes
and the disk are only checked now and then, and the programs see which processes run.
"""

import os
import platform
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from agentlab.tools.sandbox import cgroup, seccomp
from agentlab.tools.sandbox.backend import MODEL, SHIM, Launch, environment
from agentlab.tools.sandbox.confine import landlock
from agentlab.tools.sandbox.ended import Limits

_READ = ("/usr/bin", "/usr/lib", "/usr/lib64", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")


@dataclass(frozen=True, slots=True)
class Local:
    """No sandbox: a folder, and what the kernel forbids a process."""

    @property
    def kept(self) -> str:
        """What protects this machine from a program."""
        filtered = ["seccomp"] if platform.machine() in seccomp.CALLS else []
        return ", ".join([*(["Landlock"] if landlock() else []), *filtered, "limits of processes"])

    @property
    def name(self) -> str:
        return f"unsafe-local ({self.kept}{', cgroup v2' if cgroup.delegated() else ''})"

    @property
    def grouped(self) -> bool:
        """Always."""
        return True

    def launch(self, limits: Limits, model: Path | None = None) -> Launch:
        """A program that may ask a model may open sockets, also to other places."""
        prefix = os.path.realpath(sys.base_prefix)
        python = f"{prefix}/bin"
        port = _free() if model is not None else 0
        families = seccomp.FAMILIES if model is not None else ()
        code = seccomp.program(platform.machine(), families) if platform.machine() in seccomp.CALLS else b""
        place = {
            "read": [*_READ, prefix, *_DEVICES],
            "write": ["/dev/null"],
            "filter": code,
            "processes": limits.processes,
        }
        environ = {**environment(python), **({"OPENAI_BASE_URL": _at(port)} if model is not None else {})}
        arguments = [f"{python}/python3", "-I", "-S", "-B", str(SHIM)]
        return Launch(arguments, [], environ, local=place, relay=(port, str(model)))


def _free() -> int:
    """A port of this machine that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def _at(port: int) -> str:
    return MODEL["OPENAI_BASE_URL"].replace("8080", str(port))
