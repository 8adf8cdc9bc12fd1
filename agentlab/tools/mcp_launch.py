"""How a server of tools is started, and how it fails."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Launch:
    """What is started."""

    command: tuple[str, ...]
    env: tuple[str, ...]
    """Names of environment variables that it gets, beside `PATH`."""
    folder: Path
    """Where it is started."""
    seconds: float
    """Of one request."""


class ServerError(Exception):
    """What the server did instead of answering, as a sentence without its subject: `ended with exit code 1`."""
