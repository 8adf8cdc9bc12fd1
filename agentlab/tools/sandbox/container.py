"""The command line of a sandbox in a container of Docker or Podman, with the same process 1 inside."""

import os
from dataclasses import dataclass
from pathlib import Path

from agentlab.tools.sandbox.backend import INSIDE, SOCKET, Launch, environment
from agentlab.tools.sandbox.ended import MB, Limits

IMAGE = "python:3.11-slim"
VARIABLE = "AGENTLAB_SANDBOX_IMAGE"
"""Names another image; it needs `python3` and `sh`, and must be on the machine."""
USER = "65534:65534"
OWN = 96 * MB
"""Memory of process 1 and of a container itself."""
_KEPT = ("PATH", "HOME", "XDG_RUNTIME_DIR", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "CONTAINER_HOST")


@dataclass(frozen=True, slots=True)
class Container:
    """`docker` or `podman`, at this path."""

    binary: str
    version: str = ""
    image: str = IMAGE

    @property
    def name(self) -> str:
        return f"{Path(self.binary).name} {self.version} with {self.image}"

    @property
    def grouped(self) -> bool:
        """Never: the container has one."""
        return False

    def launch(self, limits: Limits, model: Path | None = None) -> Launch:
        """A container that is gone once process 1 ends. Its memory includes that of the kernel for its sockets."""
        arguments = [
            *(self.binary, "run", "--rm", "--interactive", "--pull=never", "--network=none", "--read-only"),
            *("--cap-drop=ALL", "--security-opt=no-new-privileges", f"--user={USER}", "--hostname=sandbox"),
            *(f"--memory={limits.memory + OWN}", f"--memory-swap={limits.memory + OWN}"),
            *(
                f"--pids-limit={limits.processes + 32}",
                "--ulimit=core=0",
                "--ulimit=nofile=1024:1024",
                f"--shm-size={limits.disk}",
            ),
            *(f"--tmpfs={place}:rw,exec,nosuid,nodev,size={limits.disk},mode=1777" for place in ("/project", "/tmp")),
            *(f"--volume={file}:/opt/{file.name}:ro" for file in INSIDE),
            *([f"--volume={model}:{SOCKET}"] if model is not None else []),
            *("--workdir=/project", "--entrypoint=python3", self.image, "-I", "-S", "-B", "/opt/shim.py"),
        ]
        outside = {name: os.environ[name] for name in _KEPT if name in os.environ}
        return Launch(arguments, [], environment("/usr/local/bin"), outside=outside)
