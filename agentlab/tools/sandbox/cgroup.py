"""Control groups (cgroup v2) that limit a sandbox as a whole: the kernel's memory of its sockets counts there, too.

A process may make groups where its own group was delegated to it, as by `systemd-run --user --scope -p Delegate=yes`.
A group with members gives its children no limits (the kernel's rule), so this process moves into a child of its own.
"""

import os
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path

from agentlab.tools.sandbox.ended import MB, Limits

ROOT, OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
CONTROLLERS = ("cpu", "memory", "pids")
BESIDE = 64 * MB
"""Of memory, for what starts and watches the command."""
PERIOD = 100_000
"""Microseconds over which the time of the processor is limited: to one core."""
_numbers = count()


@dataclass(frozen=True, slots=True)
class Group:
    """The group of one command."""

    folder: Path

    def enter(self, arguments: list[str]) -> list[str]:
        """The command line that enters the group, then becomes `arguments`."""
        return ["/bin/sh", "-c", 'echo $$ > "$0" && exec "$@"', str(self.folder / "cgroup.procs"), *arguments]

    def exhausted(self) -> bool:
        """Whether the kernel ended it because its memory was used up."""
        with suppress(OSError):
            events = dict(line.split() for line in (self.folder / "memory.events").read_text().splitlines())
            return int(events.get("oom_kill", "0")) > 0
        return False


@cache
def delegated(root: Path = ROOT, membership: Path = OWN) -> Path | None:
    """Where groups can be made, with every limit; None where this machine gives no such place."""
    with suppress(OSError, ValueError):
        here = next((line[3:] for line in membership.read_text().splitlines() if line.startswith("0::/")), None)
        if here is None:
            return None
        base = root / here.strip("/")
        if not set(CONTROLLERS) <= set((base / "cgroup.controllers").read_text().split()):
            return None
        leaf = base / f"agentlab-{os.getpid()}"
        leaf.mkdir()
        try:
            (leaf / "cgroup.procs").write_text(str(os.getpid()))
            (base / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in CONTROLLERS))
        except OSError:  # somebody else is in the group
            with suppress(OSError):
                (base / "cgroup.procs").write_text(str(os.getpid()))
            _remove(leaf)
            return None
        return base
    return None


@contextmanager
def group(limits: Limits, base: Path | None) -> Generator[Group | None]:
    """A group with these limits until the block ends, when what is in it is ended; None without a `base`."""
    if base is None:
        yield None
        return
    made = Group(base / f"agentlab-{os.getpid()}-{next(_numbers)}")
    made.folder.mkdir()
    try:
        values = {
            "memory.max": limits.memory + BESIDE,
            "memory.swap.max": 0,
            "memory.oom.group": 1,
            "pids.max": limits.processes + 8,
            "cpu.max": f"{PERIOD} {PERIOD}",
        }
        for name, value in values.items():
            with suppress(FileNotFoundError):  # a kernel without swap has no limit of it
                (made.folder / name).write_text(str(value))
        yield made
    finally:
        with suppress(OSError):
            (made.folder / "cgroup.kill").write_text("1")
        _remove(made.folder)


def _remove(folder: Path) -> None:
    """The kernel removes an empty group; one that is being ended is empty a moment later."""
    for _ in range(20):
        try:
            return folder.rmdir()
        except FileNotFoundError:
            return None
        except OSError:
            time.sleep(0.005)
    return None
