"""Ends calls that take too long. `asyncio.timeout` does so with a timer for each call, which takes longer than all else
that is done for one whose request leaves from another process."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Open:
    """A call that has not ended."""

    task: asyncio.Task[object]
    at: float
    """When it is ended, on the event loop's clock."""
    late: bool = False


@dataclass(slots=True)
class Deadlines:
    """The open calls of a model, all of which may take equally long: the first that began is the first that is due."""

    open: dict[Open, None] = field(default_factory=dict[Open, None])
    """In the order in which they began."""
    timed: asyncio.AbstractEventLoop | None = None
    """The loop that has a timer for them."""

    async def within(self, seconds: float, call: Awaitable[T]) -> T:
        """What comes of a call. Raises TimeoutError when it has taken so many seconds, which must always be as many."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        mine, cancelled = Open(task, loop.time() + seconds), task.cancelling()
        self.open[mine] = None
        if self.timed is not loop:
            self.timed = loop
            loop.call_at(mine.at, self._end, loop)
        try:
            return await call
        except asyncio.CancelledError:
            if mine.late and task.cancelling() <= cancelled + 1:
                raise TimeoutError from None
            raise
        finally:
            if mine.late:
                task.uncancel()
            else:
                del self.open[mine]

    def _end(self, loop: asyncio.AbstractEventLoop) -> None:
        """Ends the calls that are due, and sets the timer for the next."""
        if self.timed is not loop:
            return
        now, self.timed = loop.time(), None
        while self.open:
            first = next(iter(self.open))
            if first.at > now:
                self.timed = loop
                loop.call_at(first.at, self._end, loop)
                return
            first.late = True
            del self.open[first]
            first.task.cancel()
