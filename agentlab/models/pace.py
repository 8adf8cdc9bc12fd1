"""Requests and tokens per minute of one account, spread evenly.

One dispatcher task stands between the waiting calls and `asyncio_throttle`: the throttler polls, so a thousand direct
waiters would poll a thousand times and overshoot together, and a whole minute's allowance would leave in one burst.
The rate is rpm/600 per 0.1 s; below 600 a minute it is one request per 60/rpm seconds.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from asyncio_throttle.throttler import Throttler

from agentlab.errors import Stopped
from agentlab.types import Request

REPLY = 500
"""Tokens assumed for a reply of unknown length, until it is there."""


def estimate(request: Request) -> int:
    """Tokens that a request will probably use: four characters make one."""
    length = sum(len(entry.content) for entry in request.chat)
    return length // 4 + 1 + (request.settings.max_tokens or REPLY)


def _throttler(rpm: float) -> Throttler:
    # A whole number of requests per period, so that 900 a minute is not rounded up to 1200.
    many = max(1, round(rpm / 600))
    period = many * 60 / rpm
    return Throttler(rate_limit=many, period=period, retry_interval=min(0.01, period / 50))


@dataclass(slots=True)
class Pace:
    """Lets calls through one by one. The dispatcher runs only while somebody waits."""

    rpm: float | None = None
    tpm: float | None = None
    waiting: deque[tuple[int, asyncio.Future[None]]] = field(default_factory=deque[tuple[int, asyncio.Future[None]]])
    free_at: float = 0.0
    """When the tokens let through so far will have been earned, on the loop's clock."""
    throttler: Throttler | None = None
    dispatcher: asyncio.Task[None] | None = None

    async def turn(self, tokens: int) -> None:
        """Returns when a request of so many tokens may be sent."""
        if self.rpm is None and self.tpm is None:
            return
        passed = asyncio.get_running_loop().create_future()
        self.waiting.append((tokens, passed))
        if self.dispatcher is None or self.dispatcher.done():
            self.dispatcher = asyncio.create_task(self._dispatch())
        await passed

    def stop(self) -> None:
        """Whoever waits is not let through any more."""
        for _, passed in self.waiting:
            if not passed.done():
                passed.set_exception(Stopped("not sent"))

    def settle(self, estimated: int, used: int) -> None:
        """Corrects the token account once a reply says what it cost."""
        if self.tpm is not None:
            self.free_at += (used - estimated) * 60 / self.tpm

    async def _dispatch(self) -> None:
        loop = asyncio.get_running_loop()
        if self.rpm is not None and self.throttler is None:
            self.throttler = _throttler(self.rpm)
        while self._someone():
            if self.tpm is not None and (early := self.free_at - loop.time()) > 0:
                await asyncio.sleep(early)
                continue
            if self.throttler is not None:
                await self.throttler.acquire()
            if self._someone():
                tokens, passed = self.waiting.popleft()
                passed.set_result(None)
                if self.tpm is not None:
                    self.free_at = max(self.free_at, loop.time()) + tokens * 60 / self.tpm

    def _someone(self) -> bool:
        """Whether anybody waits who was not cancelled meanwhile."""
        while self.waiting and self.waiting[0][1].done():
            self.waiting.popleft()
        return bool(self.waiting)
