"""A model for programs in a sandbox: a server on a unix socket that speaks enough of the chat-completions API.

A program needs no key and no network: the sandbox shows it the socket as http://127.0.0.1:8080/v1. Streaming, tools,
several choices and formats are refused with 400 and words that say so. A spent budget is 403, since the usual clients
try 429 again.
"""

import asyncio
import json
import os
import tempfile
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, cast

import msgspec

from agentlab.errors import AgentlabError, ProgramError, is_too_long
from agentlab.types import Call, ChatMessage, ProgramModel, Role, Settings

PORT = 8080
LARGEST, LINES = 1 << 20, 100
"""Bytes of a request's body, and lines of its head."""
AT_ONCE = 8
"""Calls of one program that wait for an answer."""
_SETTINGS = {
    "max_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "stop": "stop",
}
"""Fields of a request that are settings, by their names here."""
_RANGES = {"max_tokens": (1, 2**31 - 1), "temperature": (0, 2), "top_p": (0, 1)}
"""Providers refuse what is outside, and such a refusal would look like a failure that is not the program's."""
_IGNORED = ("model", "messages", "seed", "user", "metadata", "store", "n", "stream", "response_format", "logprobs")
"""Fields that change nothing, or that are looked at by themselves."""
_ROLES: Mapping[str, Role] = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}


class _Refused(Exception):
    """A request that is answered with a status and a sentence."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@asynccontextmanager
async def proxy(model: ProgramModel, salt: Sequence[int] = ()) -> AsyncGenerator[Path]:
    """The path of the socket at which programs ask `model`, until the block ends; calls in flight are waited for.

    `salt` distinguishes the programs of a turn, which may ask the same. Raises, at the end of the block, whatever
    `model.ask` raised, and `ProgramError` for a call that failed for a reason that is not the program's.
    """
    with tempfile.TemporaryDirectory(prefix="agentlab-") as folder:
        path = Path(folder) / "model.sock"
        serving = _Serving(model, tuple(salt))
        server = await asyncio.start_unix_server(serving.connected, path, limit=1 << 16)
        os.chmod(path, 0o666)  # the folder keeps others out; inside, another user connects
        try:
            async with asyncio.TaskGroup() as serving.calls:
                try:
                    yield path
                finally:
                    server.close()
                    for writer in serving.writers:
                        writer.close()
        except BaseExceptionGroup as group:  # `ask` never raises into the group, so it is what the block raised
            raise group.exceptions[0] from None
    if serving.failure is not None:
        raise serving.failure


@dataclass(slots=True)
class _Serving:
    model: ProgramModel
    salt: tuple[int, ...]
    calls: asyncio.TaskGroup = field(default_factory=asyncio.TaskGroup)
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    times: dict[bytes, int] = field(default_factory=dict[bytes, int])
    """How often each question was asked so far."""
    spent: int = 0
    failure: BaseException | None = None
    writers: set[asyncio.StreamWriter] = field(default_factory=set[asyncio.StreamWriter])

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, request by request, until it is closed or sends what is no request."""
        self.writers.add(writer)
        try:
            while (request := await _request(reader)) is not None:
                status, reply = await self.answer(*request)
                await _send(writer, status, reply)
        except _Refused as refused:
            await _send(writer, refused.status, _error(str(refused)))
        except (ConnectionError, asyncio.IncompleteReadError, ValueError):
            pass  # it hung up, or sent no HTTP
        finally:
            self.writers.discard(writer)
            writer.close()

    async def answer(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """Status and JSON of the response."""
        try:
            if method == "GET" and path.endswith("/models"):
                return 200, {"object": "list", "data": [{"id": "product", "object": "model"}]}
            if method != "POST" or not path.endswith("/chat/completions"):
                raise _Refused(404, f"{method} {path[:100]}: only POST /v1/chat/completions is served")
            chat, settings = _question(body, self.model)
            self.afford()
            return 200, _completion(await self.asked(chat, settings))
        except _Refused as refused:
            return refused.status, _error(str(refused))

    def afford(self) -> None:
        """Raises `_Refused` where nothing more may be asked."""
        if self.failure is not None or self.spent >= self.model.tokens:
            raise _Refused(403, f"the budget of {self.model.tokens:,} tokens of this program is spent")

    async def asked(self, chat: tuple[ChatMessage, ...], settings: Settings) -> Call:
        """The answered call. A call that was sent is finished and recorded, whatever becomes of the program."""
        k = self.place(chat, settings)
        call = await asyncio.shield(self.calls.create_task(self._ask(chat, settings, k)))
        if call is None:
            self.afford()
            raise _Refused(503, "the model cannot be asked now")
        if call.completion is None:
            raise _Refused(400, str(call.error))
        return call

    def place(self, chat: tuple[ChatMessage, ...], settings: Settings) -> int:
        """The call's `k`: a hash of the question and of how often it was asked, so that the order has no say."""
        encoded = msgspec.json.encode((self.salt, chat, settings), order="deterministic")
        question = blake2b(encoded, digest_size=16).digest()
        nth = self.times[question] = self.times.get(question, -1) + 1
        return int.from_bytes(blake2b(question + nth.to_bytes(8), digest_size=8).digest()) >> 12

    async def _ask(self, chat: tuple[ChatMessage, ...], settings: Settings, k: int) -> Call | None:
        """None where the program must not go on: its run is to be done again or is being stopped, or the calls before
        this one have spent its budget."""
        try:
            async with self.gate:
                if self.spent >= self.model.tokens:
                    return None
                call = await self.model.ask(chat, settings, k)
        except (AgentlabError, OSError) as error:
            self.failure = self.failure or error
            return None
        usage = call.completion.usage if call.completion is not None else None
        if usage is not None:
            self.spent += usage.input + usage.output
        elif call.completion is not None:
            self.failure = self.failure or ProgramError(f"{call.model} sent no token counts, which a budget needs")
        elif not is_too_long(call.error):
            self.failure = self.failure or ProgramError(str(call.error))
            return None
        return call


async def _request(reader: asyncio.StreamReader) -> tuple[str, str, bytes] | None:
    """Method, path and body; None at the end of the connection. Raises `_Refused`, or `ValueError` for what is no
    HTTP."""
    line = await reader.readline()
    if not line.strip():
        return None
    method, path, _ = line.decode("latin-1").split(" ", 2)
    size = 0
    for _ in range(LINES):
        name, _, value = (await reader.readline()).decode("latin-1").strip().partition(":")
        if not name:
            break
        if name.lower() == "transfer-encoding":
            raise _Refused(411, "send the length of the body in Content-Length")
        if name.lower() == "content-length":
            size = int(value)
    else:
        raise _Refused(431, "the request has too many headers")
    if not 0 <= size <= LARGEST:
        raise _Refused(413, f"the body may have {LARGEST:,} bytes")
    return method, path, await reader.readexactly(size)


async def _send(writer: asyncio.StreamWriter, status: int, reply: Mapping[str, Any]) -> None:
    data = json.dumps(reply).encode()
    head = f"HTTP/1.1 {status} {'OK' if status == 200 else 'Refused'}\r\nContent-Type: application/json\r\n"
    try:
        writer.write(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
        await writer.drain()
    except ConnectionError:
        pass  # the program is gone


def _question(body: bytes, model: ProgramModel) -> tuple[tuple[ChatMessage, ...], Settings]:
    """Raises `_Refused` for what is not served."""
    try:
        question = cast("dict[str, Any]", json.loads(body))
        chat = tuple(ChatMessage(_ROLES[m["role"]], _text(m["content"])) for m in question["messages"])
        if not chat or chat[-1].role != "user":
            raise ValueError("the last message must be the user's")
        given = {_SETTINGS[name]: value for name, value in question.items() if name in _SETTINGS and value is not None}
        _plain(question)
        if isinstance(given.get("stop"), str):
            given["stop"] = [given["stop"]]
        settings = msgspec.convert(given, Settings, strict=True)
        _in_range(settings)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, msgspec.ValidationError) as error:
        raise _Refused(400, f"{type(error).__name__}: {error}") from None
    if wrong := sorted(name for name in given if name not in model.takes):
        raise _Refused(400, f"the model does not take {', '.join(wrong)}")
    return chat, settings


def _plain(question: Mapping[str, Any]) -> None:
    """Raises ValueError for a question that would be answered otherwise than it is meant."""
    wanted = {name for name, value in question.items() if value not in (None, False, [], {})}
    odd = wanted - {*_SETTINGS, *_IGNORED}
    odd |= wanted & {"stream", "logprobs"}
    odd |= {"n"} if question.get("n") not in (None, 1) else set()
    odd |= {"response_format"} if question.get("response_format") not in (None, {"type": "text"}) else set()
    if odd:
        raise ValueError(f"{', '.join(sorted(odd))} cannot be used here")


def _in_range(settings: Settings) -> None:
    """Raises ValueError for settings that no model takes."""
    for name, (low, high) in _RANGES.items():
        value = getattr(settings, name)
        if value is not None and not low <= value <= high:
            raise ValueError(f"{name} must be from {low} to {high}")
    for text in settings.stop or ():
        text.encode()


def _text(content: Any) -> str:
    text = content if isinstance(content, str) else "".join(part["text"] for part in content)
    text.encode()  # a lone surrogate is no text
    return text


def _completion(call: Call) -> dict[str, Any]:
    answer = call.completion
    assert answer is not None
    usage = answer.usage
    used = (usage.input, usage.output) if usage is not None else (0, 0)
    reason = {"length": "length", "refusal": "content_filter"}.get(answer.stop, "stop")
    choice = {"index": 0, "finish_reason": reason, "message": {"role": "assistant", "content": answer.text}}
    counts = {"prompt_tokens": used[0], "completion_tokens": used[1], "total_tokens": sum(used)}
    head = {"id": f"product-{call.k}", "object": "chat.completion", "created": 0, "model": "product"}
    return {**head, "choices": [choice], "usage": counts}


def _error(text: str) -> dict[str, Any]:
    return {"error": {"message": text, "type": "invalid_request_error"}}
