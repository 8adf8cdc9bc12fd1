"""What a run and a process that sends its requests tell each other: a line of JSON for each thing."""

import asyncio
from collections.abc import Generator
from dataclasses import dataclass, field

from msgspec import Struct, json

from agentlab.errors import FailureKind
from agentlab.types import Completion, Request


class Build(Struct, frozen=True, tag=True):
    """A model that requests will be for. Its key is not among it: the process has the same environment."""

    model: str
    """What later lines call it."""
    spec: str
    """Its `ModelSpec`, as JSON."""
    started: str
    """The address of the server that agentlab started for it; empty where it started none."""


class Ask(Struct, frozen=True, tag=True):
    """A request to send."""

    number: int
    model: str
    request: Request


class Drop(Struct, frozen=True, tag=True):
    """A request that nobody waits for any more."""

    number: int


class Answer(Struct, frozen=True, tag=True):
    """What came of a request: a completion, with the seconds that it took to come."""

    number: int
    completion: Completion


class Failure(Struct, frozen=True, tag=True):
    """What came of a request that failed: a `ModelError`."""

    number: int
    kind: FailureKind
    message: str
    retry_after: float | None


decode_request = json.Decoder(Build | Ask | Drop).decode
decode_reply = json.Decoder(Answer | Failure).decode
_encode = json.Encoder().encode


def line(of: Build | Ask | Drop | Answer | Failure) -> bytes:
    """As one line; JSON has no line feed within a text."""
    return _encode(of) + b"\n"


@dataclass(slots=True)
class Lines:
    """Bytes as they come, cut into lines."""

    begun: list[bytes] = field(default_factory=list[bytes])
    """Pieces of the line that has not ended."""

    def of(self, data: bytes) -> Generator[bytes]:
        """The lines that end in `data`."""
        *ends, rest = data.split(b"\n")
        for end in ends:
            yield b"".join((*self.begun, end))
            self.begun = []
        if rest:
            self.begun.append(rest)


@dataclass(slots=True)
class Outbox:
    """Lines on their way to a pipe: those of one turn of the event loop leave together, since each write wakes the
    process at the other end."""

    pipe: asyncio.WriteTransport
    lines: list[bytes] = field(default_factory=list[bytes])

    def add(self, text: bytes) -> None:
        if not self.lines:
            asyncio.get_running_loop().call_soon(self._leave)
        self.lines.append(text)

    def _leave(self) -> None:
        self.pipe.write(b"".join(self.lines))
        self.lines.clear()
