"""What the calls of a run wait for between two tries, while they wait."""

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from agentlab.errors import ModelError
from agentlab.text import line, pluralize

LONGEST = 160
"""Characters of a provider's words that are shown."""


@dataclass(frozen=True, slots=True)
class Wait:
    """One call that is to be tried again."""

    model: str
    error: ModelError
    until: float
    """On the monotonic clock."""


@dataclass(slots=True)
class Waits:
    """The calls that wait now; whoever shows them reads them at will."""

    now: dict[int, Wait] = field(default_factory=dict[int, Wait])
    numbers: Iterator[int] = field(default_factory=count)

    @contextmanager
    def on(self, model: str, error: ModelError, seconds: float) -> Generator[None]:
        """A call to this model failed by this error, and is tried again in so many seconds."""
        number = next(self.numbers)
        self.now[number] = Wait(model, error, time.monotonic() + seconds)
        try:
            yield
        finally:
            del self.now[number]

    def alike(self) -> dict[tuple[str, str], str]:
        """By model and kind of failure, a line: how many calls wait, for how long at least, and why."""
        alike: dict[tuple[str, str], list[Wait]] = {}
        for wait in self.now.values():
            alike.setdefault((wait.model, wait.error.kind), []).append(wait)
        now = time.monotonic()
        return {
            kind: f"{pluralize(len(waits), 'call')} to {kind[0]} will be tried again, the first in "
            f"{max(0.0, min(wait.until for wait in waits) - now):.0f} s: {line(waits[-1].error, LONGEST)}"
            for kind, waits in alike.items()
        }
