"""What a sandbox allows a program, and how the program ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

MB = 1 << 20
Why = Literal["exit", "timeout", "memory", "flood", "broken"]
"""How it ended: by itself, at its time limit, at its memory limit, by printing too much; or its sandbox failed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one command; sizes in bytes, times in seconds."""

    seconds: float = 30.0
    cpu: int = 60
    memory: int = 1024 * MB
    """Resident, of all its processes and files together."""
    address: int = 2048 * MB
    """Of one process."""
    processes: int = 32
    open_files: int = 128
    file: int = 8 * MB
    """The largest file that may be written."""
    disk: int = 64 * MB
    output: int = 16_000
    """What is kept of its output: the beginning and the end."""
    flood: int = 64 * MB
    """So much output ends it."""
    workspace: int = 16 * MB
    entries: int = 5_000
    changed: int = 500
    """Files that may be new or different afterwards; of more than that none is kept."""

    def rlimits(self) -> Mapping[str, int]:
        """By the names of the `resource` module."""
        return {
            "AS": self.address,
            "NPROC": self.processes,
            "FSIZE": self.file,
            "CPU": self.cpu,
            "NOFILE": self.open_files,
            "CORE": 0,
            "MSGQUEUE": 0,
            "MEMLOCK": 0,
        }


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and what it left."""

    why: Why
    code: int | None
    """Its exit code, or minus the signal that killed it; None unless it ended by itself."""
    output: str = ""
    """Both streams as they came; where the middle was left out, a line says how much."""
    files: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    """What is new or different, by path."""
    gone: tuple[str, ...] = ()
    odd: Mapping[str, int] = field(default_factory=dict[str, int])
    """What was not kept, by sort: `link`, `device`, `name`, `deep`, `too many`, `too much`."""
    seconds: float = 0.0
    cpu: float = 0.0
    peak: int = 0
    """Bytes resident at most, as far as it was seen."""
    left: int = 0
    """Processes that it had left running; they were killed."""
    fault: str = ""
    """Of a broken sandbox: what is known of it."""
