"""The command line of a bubblewrap sandbox: what it can see, and whose rights it has."""

import importlib.util
import marshal
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count
from pathlib import Path

from agentlab.tools.sandbox import cgroup, seccomp
from agentlab.tools.sandbox.backend import INSIDE, SOCKET, Launch, environment
from agentlab.tools.sandbox.ended import Limits

UIDS = 2_000_000_000
"""Beyond every user and every subordinate id: as root each sandbox is a user of its own."""
_SYSTEM = ("/usr/bin", "/usr/lib", "/usr/lib64", "/usr/lib32", "/bin", "/lib", "/lib64", "/lib32", "/sbin")
_PACKAGES = ("site-packages", "dist-packages")
_turns = count(os.getpid() % 65_536)


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """`bwrap`, at this path."""

    binary: str
    root: bool = field(default_factory=lambda: os.getuid() == 0)
    """Whether it is started by root: a user namespace of root's would leave rights over the host's settings."""
    version: str = ""

    @property
    def name(self) -> str:
        return f"bubblewrap {self.version}".strip() + (", cgroup v2" if cgroup.delegated() else "")

    @property
    def grouped(self) -> bool:
        """Always."""
        return True

    def launch(self, limits: Limits, model: Path | None = None) -> Launch:
        """`model` is shown at `SOCKET`, from where process 1 serves a port of the sandbox's own network."""
        fds: list[int] = []
        view = _view(limits, model, fds)
        arguments = [self.binary, *self._isolation(), *view, "--seccomp", str(_memory(_filter(), fds))]
        python = f"{os.path.realpath(sys.base_prefix)}/bin"
        exact = f"{python}/python{sys.version_info.major}.{sys.version_info.minor}"  # `python3` may be another one
        arguments += ["--chdir", "/project", "--", exact, "-I", "-S", "-B", "/opt/shim.pyc"]
        if self.root:
            arguments.append(str(UIDS + next(_turns) % 65_536))
        return Launch(arguments, fds, environment(python))

    def _isolation(self) -> Iterator[str]:
        yield from ("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-net", "--unshare-cgroup-try")
        yield from ("--hostname", "sandbox", "--die-with-parent", "--new-session", "--as-pid-1", "--cap-drop", "ALL")
        if self.root:  # process 1 gives these up as soon as it is a user of its own
            yield from ("--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID")
        else:
            yield from ("--unshare-user", "--disable-userns", "--uid", "1000", "--gid", "1000")


def _view(limits: Limits, model: Path | None, fds: list[int]) -> Iterator[str]:
    """The file system inside: Python and the system's programs to read, three places to write, nothing else."""
    prefix = os.path.realpath(sys.base_prefix)
    yield from ("--proc", "/proc", "--dev", "/dev")
    for place in ("/dev/shm", "/tmp", "/project"):  # before what is bound: an interpreter may live below one of them
        yield from ("--perms", "0777", "--size", str(limits.disk), "--tmpfs", place)
    above = [str(parent) for parent in reversed(Path(prefix).parents)]
    for place in dict.fromkeys(("/usr", "/opt", "/etc", "/run", *above)):
        if place != "/":
            yield from ("--perms", "0755", "--dir", place)
    for path in (*_SYSTEM, "/etc/ld.so.cache", "/etc/alternatives"):
        if os.path.islink(path):
            yield from ("--symlink", os.readlink(path), path)
        elif os.path.exists(path):
            yield from ("--ro-bind", path, path)
    yield from ("--ro-bind", prefix, prefix)
    for path in _installed(prefix):  # packages of the host may hold anything, labels of held-out cases too
        yield from ("--perms", "0755", "--size", "4096", "--tmpfs", path, "--remount-ro", path)
    written = {
        "/etc/passwd": b"sandbox:x:1000:1000::/project:/bin/sh\n",
        "/etc/group": b"sandbox:x:1000:\n",
        "/etc/hosts": b"127.0.0.1 localhost\n",
        **{f"/opt/{file.stem}.pyc": _compiled(file) for file in INSIDE},
    }
    for path, content in written.items():
        yield from ("--perms", "0444", "--ro-bind-data", str(_memory(content, fds)), path)
    if model is not None:
        yield from ("--ro-bind", str(model), SOCKET)
    yield from ("--remount-ro", "/proc", "--remount-ro", "/dev", "--remount-ro", "/")


def _installed(prefix: str) -> list[str]:
    """The folders of installed packages of every Python that is seen inside."""
    folders = [Path(prefix) / lib for lib in ("lib", "lib64", "local/lib")] + [Path("/usr/lib"), Path("/usr/local/lib")]
    packages = (path for folder in folders for kind in _PACKAGES for path in folder.glob(f"python3*/{kind}"))
    inside = (f"{prefix}/", "/usr/lib/")
    return sorted({str(path) for path in packages if not path.is_symlink() and str(path).startswith(inside)})


@lru_cache
def _compiled(file: Path) -> bytes:
    """A module as Python, which is the same inside, would cache it: to compile it takes longer than to run it."""
    code = compile(file.read_text(encoding="utf-8"), file.name, "exec", dont_inherit=True)
    return importlib.util.MAGIC_NUMBER + bytes(12) + marshal.dumps(code)


def _filter() -> bytes:
    return seccomp.program(platform.machine())


def _memory(content: bytes, fds: list[int]) -> int:
    """An open file that holds this and has no name."""
    fd = os.memfd_create("sandbox")
    fds.append(fd)
    os.write(fd, content)
    os.lseek(fd, 0, 0)
    return fd
