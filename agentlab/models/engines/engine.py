"""The life of one engine: started when the first call needs it, started again once when it ends, and then given up.

Calls wait while it starts. When it is given up, the run is stopped softly: what other models were asked is finished and
kept, and the same command goes on later.
"""

import asyncio
import json
import re
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from agentlab.errors import EngineError, Stopped
from agentlab.models.engines import environment
from agentlab.models.engines.plan import EnginePlan
from agentlab.models.engines.process import EngineProcess

RESTARTS = 1
POLL = 0.2
"""Seconds between two looks at whether it serves."""
PATIENCE = 5.0
"""Seconds for one look."""
MOMENT = 0.5
"""Seconds in which the end of a process is seen."""
Note = Callable[[Mapping[str, Any]], None]
"""Keeps a fact about what served a run."""


def _nothing(fact: Mapping[str, Any]) -> None:
    return None


def _alone(reason: EngineError) -> None:
    return None


@dataclass(slots=True)
class Engine:
    """One process, and the next one if it ends."""

    plan: EnginePlan
    python: Path
    folder: Path
    """Where its log goes."""
    adapters: dict[str, Path] = field(default_factory=dict[str, Path])
    """Folders by the names under which they are served."""
    note: Note = _nothing
    give_up: Callable[[EngineError], None] = _alone
    port: int = 0
    starts: int = 0
    """How often it has begun to serve."""
    failure: EngineError | None = None
    stopped: bool = False
    _process: EngineProcess | None = None
    _life: asyncio.Task[None] | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _serves: bool = False
    _ends: bool = False
    """Whether the process is being ended, which nothing may interrupt."""
    _began: float | None = None
    """When a start began that has not ended, on the monotonic clock."""

    @property
    def log(self) -> Path:
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", self.plan.name).strip("-.") or "model"
        return self.folder / f"{self.plan.kind}-{plain[-80:]}.log"

    @property
    def url(self) -> str:
        """Known before it is started."""
        self.port = self.port or _free_port()
        return f"http://127.0.0.1:{self.port}/v1"

    def starting(self) -> str:
        """What is to be said while it starts; else nothing."""
        if self._began is None:
            return ""
        return f"{self._named} is starting, {time.monotonic() - self._began:.0f} s so far; its log is {self.log}"

    async def ready(self) -> int:
        """Starts it where it is not, and waits until it serves; gives how often it has begun to.

        Raises `Stopped` when the run is being stopped before it serves, and EngineError when it was given up.
        """
        if self._life is None:
            self._life = asyncio.create_task(self._live())
        while not self._serves:
            if self.failure is not None:
                raise self.failure
            if self.stopped:
                raise Stopped("not sent")
            changed = self._changed
            await changed.wait()
        return self.starts

    async def serves(self, start: int) -> bool:
        """Whether it still serves since that start. A connection may be refused a moment before its end is seen."""
        if self._serves and self.starts == start:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), MOMENT)
        return self._serves and self.starts == start

    def stop(self) -> None:
        """Whoever waits for it to serve gets `Stopped`; it goes on for calls that were sent."""
        self.stopped = True
        self._tell()

    async def aclose(self) -> None:
        """Ends it."""
        life, self._life = self._life, None
        if life is not None:
            if not self._ends:
                life.cancel()
            await asyncio.wait({life})

    async def _live(self) -> None:
        try:
            for _ in range(1 + RESTARTS):
                await self._start()
                assert self._process is not None
                code = await self._process.ended()
                self._serves = False
                self._tell()
                self.note(self._fact("ended", code=code, said=self._process.said()))
            raise EngineError(f"{self._named} has ended twice{self._end_of_log()}")
        except EngineError as failure:
            self._serves, self.failure = False, failure
            self.give_up(failure)
        finally:
            self._serves, self._began, self._ends = False, None, True
            self._tell()
            if self._process is not None:
                await self._process.stop()

    async def _start(self) -> None:
        """Returns when it serves. Raises EngineError with the end of its log when it does not."""
        self._began = began = time.monotonic()
        most = environment.start_seconds()
        self.port = self.port or _free_port()
        command = self.plan.command(self.python, self.port, self.adapters)
        self._process = await EngineProcess.start(command, self.log)
        while not await self._answers():
            if not self._process.alive:
                code = await self._process.ended()
                raise EngineError(f"{self._named} did not start: it ended with exit code {code}{self._end_of_log()}")
            if time.monotonic() - began > most:
                limit = f"the environment variable {environment.SECONDS} sets this limit"
                raise EngineError(f"{self._named} did not start within {most:g} s; {limit}{self._end_of_log()}")
            await asyncio.sleep(POLL)
        version = str((await _asked(self.port, "/version") or {}).get("version", "unknown"))
        self.starts, self._serves, self._began = self.starts + 1, True, None
        seconds = round(time.monotonic() - began, 1)
        # The words after the program, without the address, which changes from start to start.
        flags = [word for word in command[command.index("--model") :] if word not in ("--port", str(self.port))]
        names = [self.plan.name, *self.adapters]
        self.note(self._fact("started", version=version, names=names, flags=flags, seconds=seconds))
        self._tell()

    async def _answers(self) -> bool:
        """Whether the server on the port serves these weights: another program may have taken the port."""
        assert self._process is not None
        if await _asked(self.port, "/health") is None:
            return False
        listed = await _asked(self.port, "/v1/models")
        named = {model.get("id") for model in (listed or {}).get("data", ())}
        return self._process.alive and {self.plan.name, *self.adapters} <= named

    def _fact(self, what: str, **more: Any) -> Mapping[str, Any]:
        return {"what": what, "engine": self.plan.kind, "model": self.plan.name, "log": self.log.name, **more}

    @property
    def _named(self) -> str:
        return f"the server of {self.plan.kind}/{self.plan.name}"

    def _end_of_log(self) -> str:
        said = "" if self._process is None else self._process.said()
        return f". The end of its log, {self.log}:\n{said}"

    def _tell(self) -> None:
        """Wakes all that wait."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


async def _asked(port: int, path: str) -> Mapping[str, Any] | None:
    """The JSON object that a server of this machine answers with 200, empty where the body is another; else None."""
    with suppress(OSError, TimeoutError, ValueError):
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode())
                head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            finally:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()
        if head.split(maxsplit=2)[1:2] == [b"200"]:
            answer: Any = json.loads(body) if body.strip() else {}
            return cast("Mapping[str, Any]", answer) if isinstance(answer, dict) else {}
    return None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
