"""Makes a call again when it failed for a passing reason, with the same identity and the same seed.

The SDKs' own retries are off: one layer decides. `rate_limit` and `transient` failures wait exponentially longer with
jitter, or as long as the provider asked; the other kinds are never tried again.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from agentlab.errors import ModelError
from agentlab.interfaces import Model
from agentlab.models.deadlines import Deadlines
from agentlab.models.limits import AccountLimits
from agentlab.models.waits import Waits
from agentlab.models.wrapping import Wrapping
from agentlab.seeds import stream
from agentlab.text import about
from agentlab.types import Completion, Request

log = logging.getLogger(__name__)

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
REPORTED = 3
"""The try whose failure is reported, after one to three seconds, if the account has answered nothing yet."""
PATIENCE = 900.0
"""A provider that asks for a longer pause than this, in seconds, has refused."""


def wait(error: ModelError, attempt: int, where_stream: int) -> float:
    """Seconds before the next try. The jitter comes from the request's own stream, not from a global generator."""
    jitter = stream("retry", where_stream, attempt) / 2**63
    backoff = min(LONGEST_WAIT, FIRST_WAIT * 2 ** (attempt - 1)) * (0.5 + jitter / 2)
    if error.retry_after is None:
        return backoff
    return error.retry_after + min(backoff, 1.0)


def remaining(error: ModelError, attempt: int, tries: int, took: float) -> float:
    """Seconds until the last try has failed, on average, if each fails like this one, which `took` so many."""
    asked = error.retry_after or 0.0
    return sum(max(asked, 0.75 * min(LONGEST_WAIT, FIRST_WAIT * 2 ** (n - 1))) + took for n in range(attempt, tries))


@dataclass(frozen=True, slots=True)
class RetryingModel(Wrapping):
    """A model with an account's limits, a time-out for each request, and retries."""

    inner: Model
    limits: AccountLimits = field(default_factory=AccountLimits)
    tries: int = 8
    timeout: float = 600.0
    sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep
    waits: Waits = field(default_factory=Waits)
    deadlines: Deadlines = field(default_factory=Deadlines)

    async def complete(self, request: Request) -> Completion:
        for attempt in range(1, self.tries + 1):
            began = time.perf_counter()
            try:
                completion = await self.limits.through(request, self._timed)
            except ModelError as error:
                last = attempt == self.tries or error.kind not in ("rate_limit", "transient")
                if last or (error.retry_after or 0.0) > PATIENCE:
                    error.tries = attempt
                    raise
                pause = wait(error, attempt, request.where.stream)
                log.info("%s: %s; try %d of %d in %.1f s", self.name, error, attempt + 1, self.tries, pause)
                left = max(pause, remaining(error, attempt, self.tries, time.perf_counter() - began))
                self._report(error, attempt, left)
                with self.waits.on(self.name, error, pause, left):
                    await self.limits.pause(pause, self.sleep)
            else:
                if attempt == 1:
                    self.limits.succeeded()
                return completion if attempt == 1 else replace(completion, tries=attempt)
        raise AssertionError("unreachable: the last try returns or raises")

    def _report(self, error: ModelError, attempt: int, left: float) -> None:
        """Warns, once for an account, that it has not answered any call."""
        if attempt == REPORTED and not self.limits.heard:
            self.limits.heard = True
            until = f"each call is retried until it has failed {self.tries} times, which takes {about(left)} more"
            log.warning("%s has not answered any call yet (%s); %s", self.name, error, until)

    async def _timed(self, request: Request) -> Completion:
        began = time.perf_counter()
        try:
            completion = await self.deadlines.within(self.timeout, self.inner.complete(request))
        except TimeoutError:
            raise ModelError("transient", f"no answer within {self.timeout:g} s") from None
        if completion.seconds is not None:  # a process that sends for this one has measured it more closely
            return completion
        return replace(completion, seconds=time.perf_counter() - began)
