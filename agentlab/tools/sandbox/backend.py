"""What a sandbox is to those who run commands in one: a command line that starts process 1, and its surroundings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from agentlab.tools.sandbox.ended import Limits
from agentlab.tools.sandbox.proxy import PORT

SHIM = Path(__file__).with_name("shim.py")
INSIDE = (SHIM, *(SHIM.with_name(name) for name in ("relay.py", "tree.py")))
"""What process 1 is made of, in `/opt`."""
SOCKET = "/run/model.sock"
"""Where a program's model is served inside."""
MODEL = {"OPENAI_BASE_URL": f"http://127.0.0.1:{PORT}/v1", "OPENAI_API_KEY": "none-is-needed"}
"""How a program finds its model, as the usual clients read it."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What is to be started for one command."""

    arguments: list[str]
    fds: list[int]
    """Open files that the arguments name; the caller closes them."""
    environment: Mapping[str, str]
    """Of the program inside."""
    outside: Mapping[str, str] = field(default_factory=dict[str, str])
    """Environment of the command that starts the sandbox."""
    local: Mapping[str, object] | None = None
    """Where there is no sandbox: what the kernel is to forbid the program, as `shim.Local` reads it."""
    relay: tuple[int, str] = (PORT, SOCKET)
    """Port and socket at which process 1 finds them, of a program that may ask a model."""


class Sandbox(Protocol):
    """One way to run programs of agents."""

    @property
    def name(self) -> str:
        """Kind and version, such as `bubblewrap 0.8.0`."""
        ...

    @property
    def grouped(self) -> bool:
        """Whether its command is put into a control group where there can be one; a container has one of its own."""
        ...

    def launch(self, limits: Limits, model: Path | None) -> Launch:
        """For a command under these limits; `model` is the socket of the model that it may ask."""
        ...


def environment(python: str) -> dict[str, str]:
    """What a program is told of its surroundings, the same on every machine but for the folder of `python`."""
    return {
        "PATH": f"{python}:/usr/bin:/bin",
        "HOME": "/project",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
