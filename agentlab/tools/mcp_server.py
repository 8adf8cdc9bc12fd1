"""A process that serves tools by the Model Context Protocol: JSON-RPC 2.0 over its standard streams, by lines."""

import asyncio
import json
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, cast

from agentlab.tools.mcp_launch import Launch, ServerError

PROTOCOL = "2025-06-18"
LINE = 4 << 20
"""Bytes of one message."""
UNASKED = 10_000
"""Messages in a row that answer nothing."""
START, GRACE = 30.0, 2.0
"""Seconds in which it must be ready, and in which it may end by itself."""
_NO_METHOD = {"code": -32601, "message": "this client has no such method"}


@dataclass(slots=True)
class Server:
    """A running server. After its first mistake it is ended, and every request says what the mistake was."""

    launch: Launch
    process: Process
    _waiting: dict[int, asyncio.Future[Mapping[str, Any]]] = field(default_factory=dict[int, Any])
    _last: int = 0
    _fault: str | None = None
    _noise: bytes = b""
    """The end of what it wrote to its standard error."""

    async def request(self, method: str, parameters: Mapping[str, Any], seconds: float | None = None) -> dict[str, Any]:
        """Its result. Raises `ServerError` when there is none."""
        if self._fault is not None:
            raise ServerError(self._fault)
        self._last += 1
        id, answer = self._last, asyncio.get_running_loop().create_future()
        self._waiting[id] = answer
        limit = seconds or self.launch.seconds
        try:
            async with asyncio.timeout(limit):
                await self._send({"id": id, "method": method, "params": dict(parameters)})
                reply = await answer
        except TimeoutError:
            with suppress(ServerError):
                await self._send({"method": "notifications/cancelled", "params": {"requestId": id}})
            raise ServerError(f"gave no answer within {limit:g} seconds") from None
        finally:
            self._waiting.pop(id, None)
        if "error" in reply:
            error: Any = reply["error"]
            message = cast(Any, error).get("message") if isinstance(error, dict) else error
            raise ServerError(f"refused it: {str(message)[:1000]}")
        if not isinstance(reply.get("result"), dict):
            raise ServerError(f"answered {method} with no result")
        return reply["result"]

    async def notify(self, method: str) -> None:
        """Tells it something that has no answer."""
        await self._send({"method": method})

    async def _send(self, message: Mapping[str, Any]) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
            await self.process.stdin.drain()
        except (OSError, RuntimeError):
            await asyncio.sleep(0.05)  # what it wrote at its end is being read, and says more
            raise ServerError(self._fault or "has ended") from None

    async def read(self) -> None:
        """Takes what it writes until it ends, and gives each answer to whoever waits for it."""
        assert self.process.stdout is not None
        unasked = 0
        while self._fault is None:
            try:
                line = await self.process.stdout.readline()
            except ValueError:
                return self._fail(f"wrote a message of more than {LINE >> 20} MB")
            if not line:
                return self._fail(await self._ended())
            answered = await self._take(line)
            unasked = 0 if answered else unasked + 1
            if unasked > UNASKED:
                return self._fail(f"wrote more than {UNASKED:,} messages that answer nothing")
        return None

    async def _take(self, line: bytes) -> bool:
        """Whether this answers a request."""
        if not line.strip():
            return False
        try:
            message: Any = json.loads(line)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict) or not ({"method", "result", "error"} & cast(Any, message).keys()):
            said = line[:200].decode("utf-8", "replace").strip()
            self._fail(f"wrote something that is not a message of the protocol: {said!r}")
            return False
        answer = cast("dict[str, Any]", message)
        if "method" in answer:
            if "id" in answer:
                reply: dict[str, Any] = {"result": {}} if answer["method"] == "ping" else {"error": _NO_METHOD}
                with suppress(ServerError):
                    await self._send({"id": answer["id"], **reply})
            return False
        id = answer.get("id")
        waiting = self._waiting.get(id) if isinstance(id, int) else None
        if waiting is None or waiting.done():
            return False
        waiting.set_result(answer)
        return True

    async def listen(self) -> None:
        """Keeps the end of what it writes to its standard error, so that it can go on writing."""
        assert self.process.stderr is not None
        while part := await self.process.stderr.read(1 << 16):
            self._noise = (self._noise + part)[-2000:]

    async def _ended(self) -> str:
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE):
                await self.process.wait()
        said = self._noise.decode("utf-8", "replace").strip()[-500:]
        code = self.process.returncode
        return ("closed its output" if code is None else f"ended with exit code {code}") + (f": {said}" if said else "")

    def _fail(self, fault: str) -> None:
        self._fault = self._fault or fault
        _kill(self.process)
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(ServerError(self._fault))


@asynccontextmanager
async def served(launch: Launch) -> AsyncGenerator[Server]:
    """The server, ready to be asked; it is ended with the block. Raises `ServerError` where it does not get ready."""
    environment = {name: os.environ[name] for name in ("PATH", *launch.env) if name in os.environ}
    try:
        process = await asyncio.create_subprocess_exec(
            *launch.command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=environment,
            cwd=launch.folder,
            limit=LINE,
            start_new_session=True,
        )
    except OSError as error:
        raise ServerError(f"cannot be started: {error}") from None
    server = Server(launch, process)
    readers = [asyncio.create_task(server.read()), asyncio.create_task(server.listen())]
    client = {"name": "agentlab", "version": version("agentlab")}
    try:
        about = {"protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": client}
        await server.request("initialize", about, START)
        await server.notify("notifications/initialized")
        yield server
    finally:
        await _end(process)
        for reader in readers:
            reader.cancel()
        await asyncio.wait(readers)


async def _end(process: Process) -> None:
    """Closes its input, which asks it to end, and ends it where it does not."""
    if process.stdin is not None:
        process.stdin.close()
    with suppress(TimeoutError, ProcessLookupError):
        async with asyncio.timeout(GRACE):
            await process.wait()
    _kill(process)
    await process.wait()


def _kill(process: Process) -> None:
    """With what it has started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
