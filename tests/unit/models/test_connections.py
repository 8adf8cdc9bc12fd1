"""How requests share connections, and how long replies take turns."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx2
import pytest

from agentlab.errors import ModelError
from agentlab.models.providers.connections import LARGE_AT_ONCE, Connections
from agentlab.models.providers.reply_body import FREE

PIECE = b"x" * FREE


@dataclass
class Counted(httpx2.AsyncByteStream):
    """A body of `pieces`, which counts how many bodies are read beyond what is free."""

    server: "Server"
    large: bool = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for number in range(self.server.pieces):
            if number == 2:
                self.large = True
                self.server.large += 1
                self.server.most_large = max(self.server.most_large, self.server.large)
            await asyncio.sleep(0)
            yield PIECE

    async def aclose(self) -> None:
        self.server.large -= self.large
        self.large = False


@dataclass
class Server(httpx2.AsyncBaseTransport):
    """Any connection: answers with bodies of so many pieces, once `together` requests are there."""

    pieces: int = 1
    together: int = 1
    opened: int = 0
    large: int = 0
    most_large: int = 0
    waiting: int = 0
    full: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.waiting += 1
        if self.waiting >= self.together:
            self.full.set()
        await self.full.wait()
        headers = {"set-cookie": "a=b", "x-request-id": "7"}
        return httpx2.Response(200, headers=headers, stream=Counted(self), extensions={"http_version": b"HTTP/1.1"})

    def __call__(self) -> httpx2.AsyncBaseTransport:
        self.opened += 1
        return self


async def together(client: httpx2.AsyncClient, many: int) -> list[httpx2.Response]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(client.post("http://h/v1")) for _ in range(many)]
    return [task.result() for task in tasks]


async def test_a_connection_is_opened_when_all_are_busy() -> None:
    server = Server(together=20)
    async with httpx2.AsyncClient(transport=Connections(server, 10**9)) as client:
        replies = [reply for _ in range(3) for reply in await together(client, 20)]
    assert server.opened == 20
    assert {len(reply.content) for reply in replies} == {len(PIECE)}
    assert {(reply.headers["x-request-id"], "set-cookie" in reply.headers) for reply in replies} == {("7", False)}


async def test_long_replies_take_turns_and_all_come() -> None:
    server = Server(pieces=6, together=20)
    async with httpx2.AsyncClient(transport=Connections(server, 10**9)) as client:
        replies = await together(client, 20)
    assert {len(reply.content) for reply in replies} == {6 * len(PIECE)}
    assert server.most_large == LARGE_AT_ONCE


async def test_a_reply_over_the_bound_gives_its_turn_and_its_connection_back() -> None:
    server = Server(pieces=6)
    connections = Connections(server, 4 * len(PIECE))
    async with httpx2.AsyncClient(transport=connections) as client:
        for _ in range(LARGE_AT_ONCE + 1):
            with pytest.raises(ModelError, match="the reply of h is longer than"):
                await client.post("http://h/v1")
    assert (server.opened, len(connections.idle)) == (1, 1)
    assert server.large == 0
