"""How fast a command goes, by what it did in the last minute, and how long its phase will take at that speed."""

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from agentlab.experiment.progress import Progress

WINDOW, BASIS = 60.0, 3.0
"""Seconds over which a speed is taken, and those that a forecast of time rests on at least."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What was done up to a moment, in seconds of any clock that goes on."""

    at: float
    calls: int
    tokens: int
    ended: int


@dataclass(slots=True)
class Speed:
    """Samples of one phase, the oldest about `WINDOW` seconds old."""

    phase: str = ""
    samples: deque[Sample] = field(default_factory=deque[Sample])

    def note(self, progress: Progress, at: float) -> None:
        """Takes a sample."""
        if progress.phase != self.phase:
            self.phase = progress.phase
            self.samples.clear()
        self.samples.append(Sample(at, progress.made.calls, progress.made.tokens, progress.ended))
        while len(self.samples) > 2 and self.samples[1].at <= at - WINDOW:
            self.samples.popleft()

    def per_second(self, what: Literal["calls", "tokens", "ended"]) -> float:
        """So many a second; zero while there is one sample."""
        if len(self.samples) < 2:
            return 0.0
        first, last = self.samples[0], self.samples[-1]
        return (getattr(last, what) - getattr(first, what)) / (last.at - first.at) if last.at > first.at else 0.0

    def remaining(self, progress: Progress) -> float | None:
        """Seconds until the phase is over: the calls that it will yet take, or where it makes none its units.

        None without a basis: no unit of some group is done, the phase has just begun, or nothing was done lately.
        """
        calls = progress.calls_left
        if calls is None or len(self.samples) < 2 or self.samples[-1].at - self.samples[0].at < BASIS:
            return None
        left, speed = (calls, self.per_second("calls")) if calls else (progress.units_left, self.per_second("ended"))
        return left / speed if speed else None
