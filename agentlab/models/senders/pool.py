"""The processes that send an account's requests. Limits, time-outs, retries and the log stay in the run.

A request goes to the process with the fewest open ones. What is open in a process that ends fails for a passing reason,
as if a connection had broken, and the next request starts another. Each ends with the run, since its input does.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import IO, cast

from agentlab.errors import ModelError
from agentlab.interfaces import Model, close
from agentlab.models.senders.lines import Answer, Ask, Build, Drop, Lines, Outbox, decode_reply, line
from agentlab.models.wrapping import Wrapping
from agentlab.text import last_lines
from agentlab.types import Completion, Request

ROOT = Path(__file__).parents[3]
CHILD = "agentlab.models.senders.child"


@dataclass(slots=True)
class Sender(asyncio.SubprocessProtocol):
    """One process."""

    printed: IO[bytes]
    """What it printed, which tells why it ended."""
    lines: Lines = field(default_factory=Lines)
    built: set[str] = field(default_factory=set[str])
    open: dict[int, asyncio.Future[Completion]] = field(default_factory=dict[int, asyncio.Future[Completion]])
    process: asyncio.SubprocessTransport | None = None
    input: Outbox | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    async def start(cls) -> "Sender":
        """Raises ModelError where none can be started."""
        printed = tempfile.TemporaryFile()  # noqa: SIM115 -- closed when the process has ended
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        try:
            _, sender = await asyncio.get_running_loop().subprocess_exec(
                lambda: cls(printed),
                *(sys.executable, "-P", "-m", CHILD),
                stderr=printed,
                env={**os.environ, "PYTHONPATH": path},
                start_new_session=True,  # Ctrl-C is for the run
            )
        except OSError as error:
            printed.close()
            reason = f"a process that sends requests cannot be started: {error.strerror}"
            raise ModelError("transient", reason) from None
        return sender

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.process = cast(asyncio.SubprocessTransport, transport)
        self.input = Outbox(cast(asyncio.WriteTransport, self.process.get_pipe_transport(0)))

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        for text in self.lines.of(data):
            reply = decode_reply(text)
            future = self.open.pop(reply.number, None)
            if future is None or future.done():
                continue
            if isinstance(reply, Answer):
                future.set_result(reply.completion)
            else:
                future.set_exception(ModelError(reply.kind, reply.message, reply.retry_after))

    def connection_lost(self, exc: Exception | None) -> None:
        assert self.process is not None
        self.ended.set()
        code, lines = self.process.get_returncode(), last_lines(self.printed)
        said = lines[-1] if lines else "it printed nothing"
        reason = f"the process that sent this request ended with exit code {code}: {said}"
        self.process.close()
        self.printed.close()
        for future in self.open.values():
            if not future.done():
                future.set_exception(ModelError("transient", reason))
        self.open.clear()

    def tell(self, text: bytes) -> None:
        """Hands it a line."""
        assert self.input is not None
        self.input.add(text)

    async def aclose(self) -> None:
        """Ends it, and what it has open."""
        assert self.process is not None
        with suppress(ProcessLookupError):  # it has ended by itself
            self.process.kill()  # nobody waits for anything that it does
        await self.ended.wait()


@dataclass(slots=True)
class Senders:
    """As many processes as an account asks for, started with its first request."""

    number: int
    running: list[Sender] = field(default_factory=list[Sender])
    starting: asyncio.Lock = field(default_factory=asyncio.Lock)
    numbers: Iterator[int] = field(default_factory=count)

    async def send(self, model: str, spec: str, started: str, request: Request) -> Completion:
        """What comes of a request to a model with this digest. Raises ModelError."""
        sender = await self._free()
        if model not in sender.built:
            sender.tell(line(Build(model, spec, started)))
            sender.built.add(model)
        number, future = next(self.numbers), asyncio.get_running_loop().create_future()
        sender.open[number] = future
        sender.tell(line(Ask(number, model, request)))
        try:
            return await future
        except asyncio.CancelledError:
            if sender.open.pop(number, None) is not None and not sender.ended.is_set():
                sender.tell(line(Drop(number)))
            raise

    async def aclose(self) -> None:
        """Ends the processes."""
        running, self.running = self.running, []
        for sender in running:
            await sender.aclose()

    async def _free(self) -> Sender:
        """The process with the fewest open requests."""
        if len(self.running) < self.number or any(sender.ended.is_set() for sender in self.running):
            async with self.starting:
                self.running = [sender for sender in self.running if not sender.ended.is_set()]
                while len(self.running) < self.number:
                    self.running.append(await Sender.start())
        return min(self.running, key=lambda sender: len(sender.open))


@dataclass(frozen=True, slots=True)
class SentModel(Wrapping):
    """A model whose requests leave from other processes."""

    inner: Model
    """The same one in this process, which asks nothing."""
    senders: Senders
    digest: str
    spec: str
    """As JSON."""
    started: str
    """The address of the server that agentlab started for it, if it did."""

    async def complete(self, request: Request) -> Completion:
        return await self.senders.send(self.digest, self.spec, self.started, request)

    async def aclose(self) -> None:
        await close(self.inner)
        await self.senders.aclose()
