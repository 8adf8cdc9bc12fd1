"""How many requests an account may have in the air, found out from how the provider answers.

Slow start doubles the limit after every clean round (as many first-try successes as the limit is high); after the
first 429 it grows by 5 % a round. A 429 cuts it to 0.8, once per cooldown, and a Retry-After holds the whole account
back. It grows only when at least 80 % of it was in use, never above what is asked for; server errors and time-outs end
a round without a cut; a success after a failed try proves nothing about the limit and does not count. These rules are
those of Inspect's adaptive connections. Time is the event loop's clock.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from agentlab.errors import ModelError
from agentlab.models.pace import Pace, estimate
from agentlab.types import Completion, Request

Asked = Callable[[Request], Awaitable[Completion]]

FIRST = 16
GROWTH, CUT, USED = 1.05, 0.8, 0.8
COOLDOWN = 15.0
"""Seconds after a cut in which there is neither another cut nor growth."""
REST = 1.0
"""Seconds a place stays taken after a 429: given on at once, it would refuse one waiting call after the other."""
HOLD = 120.0
"""Seconds an account is held back at most, whatever a Retry-After says; the call itself waits for all of it."""


@dataclass(slots=True)
class Limits:
    """The limits of one account, shared by all its models."""

    pace: Pace = field(default_factory=Pace)
    cap: float = float("inf")
    limit: float = FIRST
    starting: bool = True
    """Whether no 429 has come yet."""
    flying: int = 0
    peak: int = 0
    """Most requests in the air and waiting in this round."""
    good: int = 0
    quiet_until: float = 0.0
    held_until: float = 0.0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque[asyncio.Future[None]])

    def __post_init__(self) -> None:
        self.limit = min(self.limit, self.cap)

    @asynccontextmanager
    async def slot(self) -> AsyncGenerator[None]:
        """Holds one of the places in the air."""
        await self._enter()
        try:
            yield
        finally:
            self.flying -= 1
            self._admit()

    async def through(self, request: Request, call: Asked) -> Completion:
        """The answer to `call`, sent when limits allow and counted towards them."""
        async with self.slot():
            tokens = estimate(request) if self.pace.tpm else 0
            await self.pace.turn(tokens)
            try:
                completion = await call(request)
            except ModelError as error:
                self.failed(error)
                self.pace.settle(tokens, 0)
                if error.kind == "rate_limit":
                    await asyncio.sleep(REST)
                raise
            if self.pace.tpm:
                self.pace.settle(tokens, completion.usage.input + completion.usage.output)
            return completion

    def succeeded(self) -> None:
        """Counts a success at the first try; a full clean round raises the limit."""
        self.good += 1
        if self.good < int(self.limit):
            return
        demand, self.good, self.peak = self.peak, 0, self.flying + len(self.waiting)
        if asyncio.get_running_loop().time() < self.quiet_until or demand < USED * self.limit:
            return
        wanted = self.limit * 2 if self.starting else max(self.limit * GROWTH, self.limit + 0.5)
        self.limit = max(self.limit, min(wanted, self.cap, float(demand)))
        self._admit()

    def failed(self, error: ModelError) -> None:
        """Ends the round; a 429 also cuts the limit and, with a Retry-After, holds the account back."""
        if error.kind in ("rate_limit", "transient"):
            self.good = 0
        if error.kind != "rate_limit":
            return
        now = asyncio.get_running_loop().time()
        wait = error.retry_after or 0.0
        self.held_until = max(self.held_until, now + min(wait, HOLD))
        if now >= self.quiet_until:
            self.limit, self.starting = max(1.0, self.limit * CUT), False
            self.quiet_until = now + max(COOLDOWN, wait)

    async def _enter(self) -> None:
        loop = asyncio.get_running_loop()
        if self.flying < int(self.limit) and not self.waiting:
            self.flying += 1
        else:
            place: asyncio.Future[None] = loop.create_future()
            self.waiting.append(place)
            self.peak = max(self.peak, self.flying + len(self.waiting))
            try:
                await place
            except asyncio.CancelledError:
                if place.done() and not place.cancelled():
                    self.flying -= 1  # the place was given just before the caller was cancelled
                    self._admit()
                raise
        self.peak = max(self.peak, self.flying + len(self.waiting))
        try:
            early = self.held_until - loop.time()
            while early > 0:
                await asyncio.sleep(early)
                early = self.held_until - loop.time()
        except asyncio.CancelledError:
            self.flying -= 1
            self._admit()
            raise

    def _admit(self) -> None:
        while self.waiting and self.flying < int(self.limit):
            place = self.waiting.popleft()
            if not place.done():
                self.flying += 1
                place.set_result(None)
