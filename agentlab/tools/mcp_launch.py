"""How a server of tools is started, and how it fails."""

from pathlib import Path

from msgspec import Struct


class Launch(Struct, frozen=True):
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
