"""A loopback server that answers each request with the same bytes after a fixed latency.

It shares the processor with those who are measured on it, so it does little else: nothing of a request is read but its
length, and one timer is enough, since the request that came first is answered first.
"""

import asyncio
import json
from collections import deque
from typing import Any

_MESSAGE = {"role": "assistant", "content": "The client should mail fewer people. " * 10}
_REPLY = json.dumps(
    {
        "id": "cmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "bench",
        "choices": [{"index": 0, "message": _MESSAGE, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 140, "completion_tokens": 70, "total_tokens": 210},
    }
).encode()
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(_REPLY) + _REPLY
_LENGTH = b"\r\ncontent-length:"


class Server:
    """Answers each request when the latency has passed since it came; that is the order in which they came."""

    def __init__(self, latency: float) -> None:
        self.latency, self.loop = latency, asyncio.get_running_loop()
        self.due: deque[tuple[float, asyncio.Transport]] = deque()
        self.most = 0
        """Most requests open at once since this was last set."""

    def received(self, connection: asyncio.Transport) -> None:
        at = self.loop.time() + self.latency
        if not self.due:
            self.loop.call_at(at, self.answer)
        self.due.append((at, connection))
        self.most = max(self.most, len(self.due))

    def answer(self) -> None:
        now = self.loop.time()
        while self.due and self.due[0][0] <= now:
            self.due.popleft()[1].write(ANSWER)
        if self.due:
            self.loop.call_at(self.due[0][0], self.answer)


class Connection(asyncio.Protocol):
    """Reads no more of a request than where it ends; another comes only after the answer."""

    def __init__(self, server: Server) -> None:
        self.server, self.head, self.left = server, b"", 0

    def connection_made(self, transport: Any) -> None:
        self.transport: asyncio.Transport = transport

    def data_received(self, data: bytes) -> None:
        if self.left:
            self.left -= len(data)
        else:
            self.head += data
            if (end := self.head.find(b"\r\n\r\n")) < 0:
                return
            at = self.head.lower().index(_LENGTH) + len(_LENGTH)
            self.left = end + 4 + int(self.head[at : self.head.index(b"\r\n", at)]) - len(self.head)
            self.head = b""
        if not self.left:
            self.server.received(self.transport)


def serve_forever(latency: float, there: Any) -> None:
    """The child process: tells its port, then the most requests open at once since it was last asked, until None."""

    async def main() -> None:
        loop, server = asyncio.get_running_loop(), Server(latency)
        listening = await loop.create_server(lambda: Connection(server), "127.0.0.1", 0, backlog=1000)
        there.send(listening.sockets[0].getsockname()[1])
        while await asyncio.to_thread(there.recv) is not None:
            there.send(server.most)
            server.most = len(server.due)
        listening.close()

    asyncio.run(main())
