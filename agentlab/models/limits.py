"""How many requests an account may have in the air, found out from how the provider answers.

Slow start doubles the limit after every clean round (as many first-try successes as the limit is high); after the
first 429 it grows by 5 % a round. A 429 cuts it to 0.8, once per cooldown, and a Retry-After holds the whole account
back. It grows only when at least 80 % of it was in use, never above what is asked for; server errors and time-outs end
a round without a cut; a success after a failed try proves nothing about the limit and does not count. These rules are
those of Inspect's adaptive connections. Of the calls that wait, those of the earliest rollout go first, so that a run
finishes what it began. Time is the event loop's clock.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import Any

from agentlab.errors import ModelError, Stopped
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
class AccountLimits:
    """The limits of one account, shared by all its models."""

    pace: Pace = field(default_factory=Pace)
    cap: float = float("inf")
    limit: float = FIRST
    starting: bool = True
    """Whether no 429 has come yet."""
    heard: bool = False
    """Whether the account has answered, or it was reported that it has not."""
    flying: int = 0
    peak: int = 0
    """Most requests in the air and waiting in this round."""
    good: int = 0
    quiet_until: float = 0.0
    held_until: float = 0.0
    waiting: list[tuple[int, int, asyncio.Future[None]]] = field(default_factory=list[Any])
    """A heap: rank, order of arrival, and the future that gives the place."""
    arrivals: Iterator[int] = field(default_factory=count)
    stopped: bool = False
    pauses: set[asyncio.Task[Any]] = field(default_factory=set[Any])

    def __post_init__(self) -> None:
        self.limit = min(self.limit, self.cap)

    def stop(self) -> None:
        """From now on nothing is sent: what waits for its turn, or to be tried again, ends with `Stopped`."""
        self.stopped = True
        for _, _, place in self.waiting:
            if not place.done():
                place.set_exception(Stopped("not sent"))
        self.waiting.clear()
        self.pace.stop()
        for pause in self.pauses:
            pause.cancel()

    async def pause(self, seconds: float, sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep) -> None:
        """Sleeps, unless the run is stopped meanwhile: then it raises `Stopped`."""
        task = asyncio.ensure_future(sleep(seconds))
        self.pauses.add(task)
        try:
            await task
        except asyncio.CancelledError:
            if task.cancelled() and self.stopped:
                raise Stopped("not sent") from None
            task.cancel()
            raise
        finally:
            self.pauses.discard(task)

    async def through(self, request: Request, call: Asked) -> Completion:
        """The answer to `call`, sent when limits allow and counted towards them."""
        if self.stopped:
            raise Stopped("not sent")
        await self._enter(request.where.rank)
        try:
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
            self.heard = True
            if self.pace.tpm and completion.usage:
                self.pace.settle(tokens, completion.usage.input + completion.usage.output)
            return completion
        finally:
            self.flying -= 1
            self._admit()

    @property
    def queued(self) -> int:
        """Calls that wait for a place in the air."""
        return sum(not place.done() for _, _, place in self.waiting)

    @property
    def pause_left(self) -> float:
        """Seconds for which the account is still held back."""
        return max(0.0, self.held_until - asyncio.get_running_loop().time())

    def succeeded(self) -> None:
        """Counts a success at the first try; a full clean round raises the limit."""
        self.good += 1
        if self.good < int(self.limit):
            return
        demand, self.good, self.peak = self.peak, 0, self.flying + len(self.waiting)
        if asyncio.get_running_loop().time() < self.quiet_until or demand < USED * self.limit:
            return
        raised = self.limit * 2 if self.starting else max(self.limit * GROWTH, self.limit + 0.5)
        self.limit = max(self.limit, min(raised, self.cap, float(demand)))
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

    async def _enter(self, rank: int) -> None:
        loop = asyncio.get_running_loop()
        if self.flying < int(self.limit) and not self.waiting:
            self.flying += 1
        else:
            place: asyncio.Future[None] = loop.create_future()
            heappush(self.waiting, (rank, next(self.arrivals), place))
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
                await self.pause(early)
                early = self.held_until - loop.time()
        except (asyncio.CancelledError, Stopped):
            self.flying -= 1
            self._admit()
            raise

    def _admit(self) -> None:
        while self.waiting and self.flying < int(self.limit):
            _, _, place = heappop(self.waiting)
            if not place.done():
                self.flying += 1
                place.set_result(None)
