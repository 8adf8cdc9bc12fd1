"""How far one group of a phase's units is, such as the rollouts of a condition or the anchor texts of a judge."""

from dataclasses import dataclass


@dataclass(slots=True)
class Tally:
    """Counts of units. Each is waiting, running, done or failed."""

    planned: int = 0
    done: int = 0
    """With all their verdicts, those of earlier commands included."""
    before: int = 0
    """Of these, units that were done when the command began."""
    running: int = 0
    failed: int = 0
    """Ended by infrastructure, or with a verdict whose judge failed."""
    calls: int = 0
    dollars: float = 0.0
    """What the units took that this command got done."""
    open_calls: int = 0
    open_dollars: float = 0.0
    """What the running units took so far."""
    earlier: float = 0.0
    open_earlier: float = 0.0
    """Money that the same units took in earlier commands: of those done since, and of those that run."""

    @property
    def waiting(self) -> int:
        """Units that are not begun, or that were stopped."""
        return self.planned - self.done - self.running - self.failed

    @property
    def calls_left(self) -> float | None:
        """Calls that are still to be made."""
        return self._left(self.calls, self.open_calls)

    @property
    def dollars_left(self) -> float | None:
        """Money that is still to be spent."""
        return self._left(self.dollars, self.open_dollars)

    @property
    def mean(self) -> float | None:
        """Money that a done unit took on average, in all commands; None while this command got none done."""
        new = self.done - self.before
        return (self.dollars + self.earlier) / new if new else None

    def open_end(self, otherwise: float) -> float:
        """Money that the running units will still take if each takes the mean, or `otherwise` while there is none."""
        mean = self.mean
        whole = self.running * (otherwise if mean is None else mean)
        return max(0.0, whole - self.open_dollars - self.open_earlier)

    def _left(self, of_done: float, of_running: float) -> float | None:
        """What is still to come if every unit takes what the done ones took on average; None while none is done."""
        todo, new = self.waiting + self.running, self.done - self.before
        if not todo:
            return 0.0
        return max(0.0, todo * of_done / new - of_running) if new else None


@dataclass(slots=True)
class Unit:
    """One unit while it runs."""

    tally: Tally
    earlier: float = 0.0
    """Money that it took in earlier commands."""
    calls: int = 0
    dollars: float = 0.0
    failed: bool | None = None
    """Whether it failed; None until it has ended."""

    def add(self, dollars: float) -> None:
        """Counts one call that cost so much, 0 where its price is unknown."""
        self.calls += 1
        self.dollars += dollars
        self.tally.open_calls += 1
        self.tally.open_dollars += dollars

    def begin(self) -> None:
        """Counts it as running."""
        self.tally.running += 1
        self.tally.open_earlier += self.earlier

    def close(self) -> None:
        """Counts it as done or failed, or as waiting again where it has not ended."""
        tally = self.tally
        tally.running -= 1
        tally.open_calls -= self.calls
        tally.open_dollars -= self.dollars
        tally.open_earlier -= self.earlier
        if self.failed:
            tally.failed += 1
        elif self.failed is not None:
            tally.done += 1
            tally.calls += self.calls
            tally.dollars += self.dollars
            tally.earlier += self.earlier
