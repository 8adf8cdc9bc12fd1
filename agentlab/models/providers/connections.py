"""The connections to one host, over which replies come back whole but no longer than a bound.

A pool of httpx2 looks at all its connections before and after each request, and asks the system about each that is
idle. With a thousand connections that takes longer than the request, so every pool here has one.
"""

import resource
from asyncio import Semaphore
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from ssl import SSLContext
from urllib.request import getproxies, proxy_bypass

import httpx2

from agentlab.models.providers.reply_body import read_body

LARGE_AT_ONCE = 2
"""Long replies that are read at the same time, so that many of them together do not fill the memory."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")
FILES = 65536
"""Open files that are asked for: each connection takes one, and some systems allow 256 unless asked."""
_READ = ("content-encoding", "content-length", "transfer-encoding", "set-cookie")
"""Headers of a reply that say nothing of a body that was read and decoded; no cookie goes back with a later request."""
Opens = Callable[[], httpx2.AsyncBaseTransport]


@dataclass(slots=True)
class Connections(httpx2.AsyncBaseTransport):
    """A transport for `httpx2.AsyncClient`. It opens connections as they are needed and closes them with the client."""

    opens: Opens
    most: int
    """Bytes of a reply's body, decoded."""
    opened: list[httpx2.AsyncBaseTransport] = field(default_factory=list[httpx2.AsyncBaseTransport])
    idle: list[httpx2.AsyncBaseTransport] = field(default_factory=list[httpx2.AsyncBaseTransport])
    """The last that became idle is used first: a server is the least likely to have closed it."""
    large: Semaphore = field(default_factory=partial(Semaphore, LARGE_AT_ONCE))

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        with self._connection() as transport:
            reply = await transport.handle_async_request(request)
            try:
                body = await read_body(reply, request.url.host, self.most, self.large)
            finally:
                await reply.aclose()
        headers = [(name, value) for name, value in reply.headers.multi_items() if name.lower() not in _READ]
        return httpx2.Response(reply.status_code, headers=headers, content=body, extensions=reply.extensions)

    async def aclose(self) -> None:
        for transport in self.opened:
            await transport.aclose()

    @contextmanager
    def _connection(self) -> Generator[httpx2.AsyncBaseTransport]:
        """One that is idle, a new one where none is."""
        if self.idle:
            transport = self.idle.pop()
        else:
            self.opened.append(transport := self.opens())
        try:
            yield transport
        finally:
            self.idle.append(transport)


def opener(url: str) -> Opens:
    """Opens connections to the host of `url`, which the environment's proxy reaches; loopback is reached past any."""
    address = httpx2.URL(url)
    limits = httpx2.Limits(max_connections=1, max_keepalive_connections=1)
    return partial(httpx2.AsyncHTTPTransport, verify=_certificates(), limits=limits, proxy=_proxy(address))


@cache
def _certificates() -> SSLContext:
    """Read once for all hosts: it takes longer than everything else that a connection needs."""
    return httpx2.create_ssl_context()


def _proxy(address: httpx2.URL) -> str | None:
    if address.host in LOOPBACK or proxy_bypass(address.host):
        return None
    proxy = getproxies().get(address.scheme) or getproxies().get("all")
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy


def allow_files() -> None:
    """Raises the number of files that this process may open, as far as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
