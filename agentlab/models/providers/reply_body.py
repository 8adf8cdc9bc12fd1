"""The body of a reply, read to its end unless it is longer than it may be.

A body is read as it was sent and decoded afterwards, piece by piece and without a pause, so that of many short bodies
that decode to long ones only one at a time takes memory.
"""

from asyncio import Semaphore
from collections.abc import Generator, Iterable
from contextlib import AsyncExitStack

import httpx2

from agentlab.errors import ModelError

FREE = 2**16
"""Bytes of a body that are read without waiting for a turn."""


async def read_body(reply: httpx2.Response, host: str, most: int, large: Semaphore) -> bytes:
    """The decoded body. Raises `ModelError` as soon as it is longer than `most` bytes, sent or decoded."""
    async with AsyncExitStack() as turn:
        sent, size = list[bytes](), 0
        async for piece in reply.aiter_raw():
            if size <= FREE < size + len(piece):
                await turn.enter_async_context(large)
            size += len(piece)
            _check(size, host, most)
            sent.append(piece)
    if "content-encoding" not in reply.headers:
        return b"".join(sent)
    whole = httpx2.Response(reply.status_code, headers=reply.headers, stream=httpx2.ByteStream(b"".join(sent)))
    return b"".join(_bounded(whole.iter_bytes(), host, most))


def _bounded(pieces: Iterable[bytes], host: str, most: int) -> Generator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        _check(size, host, most)
        yield piece


def _check(size: int, host: str, most: int) -> None:
    if size > most:
        raise ModelError(
            "fatal",
            f"the reply of {host} is longer than {most / 1e6:,g} MB and was not read to its end; to allow longer "
            f"replies, raise max_reply_mb for this model",
        )
