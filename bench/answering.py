"""A loopback server that answers each request with the same bytes after a fixed latency.

It shares the processor with those who are measured on it, so it does as little as it can: it looks for requests once in
a while, for all connections at once, reads each when its answer is due, and looks only at the length. An answer comes
up to a `TICK` late. Linux only.
"""

import json
import socket
import time
from collections import deque
from multiprocessing.connection import Connection
from select import EPOLLET, EPOLLHUP, EPOLLIN, EPOLLRDHUP, epoll

from agentlab.models.providers.connections import allow_files

TICK = 0.01
"""Seconds between two looks at the connections."""
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


def is_whole(data: bytes) -> bool:
    """Whether a request has come to its end."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return False
    head = data[: end + 2].lower()
    at = head.index(_LENGTH) + len(_LENGTH)
    return len(data) >= end + 4 + int(head[at : head.index(b"\r\n", at)])


class Server:
    """Answers each request when the latency has passed since it began to come; that is the order in which they came."""

    def __init__(self, latency: float) -> None:
        self.latency, self.events = latency, epoll()
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=1000)
        self.listening.setblocking(False)
        self.events.register(self.listening, EPOLLIN)
        self.connections: dict[int, socket.socket] = {}
        self.begun: dict[int, bytes] = {}
        """What was read of the request of a connection that waits for its answer."""
        self.due: deque[tuple[float, int]] = deque()
        self.most = 0
        """Most requests open at once since this was last set."""

    def look(self) -> set[int]:
        """Takes in what has come; the files that are none of the connections and can be read."""
        others = set[int]()
        wait = max(self.due[0][0] - time.monotonic(), 0.0) if self.due else None
        for file, event in self.events.poll(wait):
            if file == self.listening.fileno():
                self._accept()
            elif file not in self.connections:
                others.add(file)
            elif event & (EPOLLRDHUP | EPOLLHUP):
                self.begun.pop(file, None)
                self.connections.pop(file).close()
            elif file not in self.begun:
                self.begun[file] = b""
                self.due.append((time.monotonic() + self.latency, file))
        self.most = max(self.most, len(self.due))
        return others

    def answer(self) -> None:
        """Answers what is due; a request whose end has not come yet has a tick more."""
        now = time.monotonic()
        late = list[int]()
        while self.due and self.due[0][0] <= now:
            file = self.due.popleft()[1]
            if file not in self.begun:
                continue
            try:
                self.begun[file] += self.connections[file].recv(65536)
                if is_whole(self.begun[file]):
                    del self.begun[file]
                    self.connections[file].send(ANSWER)
                    continue
            except BlockingIOError:
                pass
            except OSError:
                del self.begun[file]
                self.connections.pop(file).close()
                continue
            late.append(file)
        self.due.extendleft((now + TICK, file) for file in late)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listening.accept()
            except BlockingIOError:
                return
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections[connection.fileno()] = connection
            self.events.register(connection, EPOLLIN | EPOLLET | EPOLLRDHUP)


def serve_forever(latency: float, there: Connection) -> None:
    """The child process: tells its port, then the most requests open at once since it was last asked, until None."""
    allow_files()
    server = Server(latency)
    server.events.register(there.fileno(), EPOLLIN)
    there.send(server.listening.getsockname()[1])
    while True:
        if server.look():
            if there.recv() is None:
                return
            there.send(server.most)
            server.most = len(server.due)
        server.answer()
        time.sleep(TICK)
