"""What the calls of a run wait for: their turn, or another try."""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from agentlab.errors import ModelError
from agentlab.models.limits import AccountLimits
from agentlab.text import about, line, pluralize

LONGEST = 160
"""Characters of a provider's words that are shown."""


@dataclass(frozen=True, slots=True)
class Wait:
    """One call that is to be tried again."""

    model: str
    error: ModelError
    until: float
    """On the monotonic clock."""
    gives_up: float
    """On the monotonic clock, about when the last try has failed if none succeeds."""


@dataclass(slots=True)
class Waits:
    """The calls that wait now; whoever shows them reads them at will."""

    now: dict[int, Wait] = field(default_factory=dict[int, Wait])
    numbers: Iterator[int] = field(default_factory=count)
    accounts: list[tuple[str, AccountLimits]] = field(default_factory=list[tuple[str, AccountLimits]])
    """Under whose limits calls wait for their turn."""
    engines: list[Callable[[], str]] = field(default_factory=list[Callable[[], str]])
    """Of engines that agentlab starts and of models that are probed: what is to be said meanwhile, else nothing."""

    @contextmanager
    def on(self, model: str, error: ModelError, seconds: float, left: float) -> Generator[None]:
        """A call to this model failed by this error, and is tried again in `seconds`, for about `left` seconds."""
        number, now = next(self.numbers), time.monotonic()
        self.now[number] = Wait(model, error, now + seconds, now + left)
        try:
            yield
        finally:
            del self.now[number]

    def queued(self) -> list[str]:
        """A line for each engine that starts, and for each account with calls that wait for their turn."""
        starting = filter(None, (says() for says in self.engines))
        return [*starting, *(sentence for name, limits in self.accounts if (sentence := _queued(name, limits)))]

    def alike(self) -> dict[tuple[str, str], str]:
        """By model and kind of failure, a line: how many calls wait, for how long at least, and why."""
        alike: dict[tuple[str, str], list[Wait]] = {}
        for wait in self.now.values():
            alike.setdefault((wait.model, wait.error.kind), []).append(wait)
        now = time.monotonic()
        return {
            kind: f"{pluralize(len(waits), 'call')} to {kind[0]} will be retried, the first in "
            f"{max(0.0, min(wait.until for wait in waits) - now):.0f} s, for "
            f"{about(max(wait.gives_up for wait in waits) - now)}: {line(waits[-1].error, LONGEST)}"
            for kind, waits in alike.items()
        }


def _queued(name: str, limits: AccountLimits) -> str:
    pace, pause = limits.pace, limits.pause_left
    number = limits.queued + (limits.flying if pause else len(pace.waiting))
    if not number:
        return ""
    if pause:
        why = f"{name} asked for a pause, {pause:.0f} s left"
    elif pace.waiting:
        most = [(pace.rpm, "requests"), (pace.tpm, "tokens")]
        why = f"{name} takes {' and '.join(f'{n:,.0f} {unit}' for n, unit in most if n is not None)} per minute"
    else:
        why = f"{name} accepts {int(limits.limit):,} at once"
    return f"{pluralize(number, 'call waits', 'calls wait')} for a turn: {why}"
