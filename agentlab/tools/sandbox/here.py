"""Where a command runs without a sandbox: a folder of its own, and the processes that it starts. For process 1.

It has what `shim.Inside` has. Descendants are found by their parents: an orphan becomes a child of process 1.
"""

from __future__ import annotations

import ctypes
import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SUBREAPER = 36
NAME = b"/project"
"""The folder's name in a sandbox."""


class Here:
    """This machine, with a folder that is removed in the end."""

    tick = 0.1
    """Seconds between two looks at the memory; a folder takes longer to look at than a file system."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.request = request
        self.work = f"/tmp/agentlab-{os.getpid():07}-{os.urandom(6).hex()}"  # of one length, however much is kept
        os.mkdir(self.work, 0o700)
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)

    def confine(self) -> None:
        """In the child, just before the command takes its place."""
        import confine  # pyright: ignore[reportMissingImports]

        confine.confine(self.request["read"], [*self.request["write"], self.work], self.request["filter"])

    def others(self) -> list[str]:
        """Every descendant of this process."""
        parents: dict[str, str] = {}
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    with open(f"/proc/{name}/stat") as handle:
                        parents[name] = handle.read().rpartition(")")[2].split()[1]
                except (OSError, IndexError):
                    pass
        descendants, todo = list[str](), [str(os.getpid())]
        while todo:
            parent = todo.pop()
            children = [name for name, its in parents.items() if its == parent]
            descendants += children
            todo += children
        return descendants

    def memory(self, resident: int) -> int:
        """Bytes of the processes, `resident`, and of the folder. More processes than allowed count as too much."""
        if len(self.others()) > self.request["processes"]:
            return 1 << 60
        total = resident
        for folder, _, names in os.walk(self.work):
            total += 1024 * len(names)
            for name in names:
                try:  # noqa: SIM105 - contextlib would be one more module to load
                    total += os.lstat(os.path.join(folder, name)).st_blocks * 512
                except OSError:
                    pass
        return total

    def kill(self, group: int) -> None:
        """Kills the command's process group, all at once, and every other descendant."""
        for target in (-group, *map(int, self.others())):
            try:  # noqa: SIM105 - contextlib would be one more module to load
                os.kill(target, signal.SIGKILL)
            except OSError:
                pass

    def told(self, head: bytes, tail: bytes, cut: bool) -> tuple[bytes, bytes]:
        """What is kept of the output, with the folder named as in a sandbox: else no two runs would have equal results.

        `cut` is whether its middle is left out.
        """
        own = self.work.encode()
        return (head.replace(own, NAME), tail.replace(own, NAME)) if cut else ((head + tail).replace(own, NAME), b"")

    def leave(self) -> None:
        """Removes the folder, whatever modes the command gave its parts."""
        for folder, names, _ in os.walk(self.work):
            for name in names:
                path = os.path.join(folder, name)
                if not os.path.islink(path):
                    os.chmod(path, 0o700)
        import shutil

        shutil.rmtree(self.work, ignore_errors=True)
