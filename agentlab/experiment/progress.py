"""What a command on a run has done so far."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from signal import Signals

from agentlab.experiment.tally import Tally, Unit
from agentlab.models.cost import Cost, RunningCost
from agentlab.models.waits import Waits
from agentlab.scenario.fields import LimitFields
from agentlab.text import pluralize
from agentlab.types import Call

UNKNOWN = 16
"""Units that run at once under a limit on cost while none of their group is done: as many as an account begins with."""


@dataclass(slots=True)
class Progress:
    """Whoever shows it reads it at will. Counts are those of the phase."""

    phase: str = ""
    """What the command is doing, such as `sample and judge`."""
    place: tuple[int, int] = (1, 1)
    """Number of the phase, and how many there are."""
    what: str = "rollouts"
    """What the phase counts."""
    note: str = ""
    """What else there is to say of the phase, such as the loss of a training."""
    tallies: dict[str, Tally] = field(default_factory=dict[str, Tally])
    """By group, such as a condition."""
    ended: int = 0
    """Units that this command ended, in all phases."""
    failed: int = 0
    """Of these, units that failed."""
    units: dict[str, Unit] = field(default_factory=dict[str, Unit])
    """Those that run now, by the key of their row."""
    earlier: Cost = field(default_factory=Cost)
    """Of the run's calls that were there when the command began."""
    waits: Waits = field(default_factory=Waits)
    """Calls that wait for their turn, or to be tried again."""
    stopping: bool = False
    """Set it to end the run softly: what is in flight is finished and kept."""
    signal: Signals | None = None
    """What stopped it, if a signal did."""
    limited: bool = False
    """The run limit stopped the run."""
    unheld: str | None = None
    """Why the run limit cannot be held: replies came without token counts."""
    _made: RunningCost = field(default_factory=RunningCost)

    def enter(self, phase: str, what: str = "rollouts", place: tuple[int, int] = (1, 1)) -> None:
        """Begins a phase, whose units are still to be planned."""
        self.phase, self.what, self.place, self.tallies, self.note = phase, what, place, {}, ""

    def plan(self, units: Mapping[str, int], done: Mapping[str, int] | None = None) -> None:
        """Adds so many units of each group to the phase, some of which are done already."""
        for group, number in units.items():
            tally = self.tallies.setdefault(group, Tally())
            before = 0 if done is None else done.get(group, 0)
            tally.planned += number
            tally.done += before
            tally.before += before

    def found(self, group: str) -> None:
        """Counts a planned unit that turns out to be done already."""
        tally = self.tallies.get(group)
        if tally is None:
            tally = self.tallies[group] = Tally()
        tally.done += 1
        tally.before += 1

    @contextmanager
    def unit(self, group: str, row: str, earlier: float = 0.0) -> Generator[Unit]:
        """A unit that runs while the block does; set its `failed` when it has ended. `row` is the key of its calls, and
        `earlier` what it cost in earlier commands."""
        unit = self.units[row] = Unit(self.tallies.setdefault(group, Tally()), earlier)
        unit.begin()
        try:
            yield unit
        finally:
            del self.units[row]
            unit.close()
            self.ended += unit.failed is not None
            self.failed += bool(unit.failed)

    def add(self, row: str, call: Call) -> None:
        """Counts one call."""
        self._made.add(call)
        if unit := self.units.get(row):
            unit.add(call.cost or 0.0)

    def add_tools(self, call: Call) -> None:
        """Counts the time of the tools that a call asked for."""
        self._made.seconds += sum(result.seconds for result in call.tool_results)

    @property
    def made(self) -> Cost:
        """Of the calls that this command made."""
        return self._made.total

    @property
    def planned(self) -> int:
        """Units of the phase."""
        return sum(tally.planned for tally in self.tallies.values())

    @property
    def done(self) -> int:
        """Units of the phase that are done."""
        return sum(tally.done for tally in self.tallies.values())

    @property
    def running(self) -> int:
        """Units of the phase that run now."""
        return sum(tally.running for tally in self.tallies.values())

    @property
    def units_left(self) -> int:
        """Units of the phase that are still to be ended."""
        return sum(tally.running + tally.waiting for tally in self.tallies.values())

    @property
    def calls_left(self) -> float | None:
        """Calls that the phase will yet take; None while a group of it gives no basis."""
        return self._left(lambda tally: tally.calls_left)

    @property
    def forecast(self) -> float | None:
        """US dollars of the whole run when the phase is over; None without a basis, or where a price is unknown."""
        left = None if self.cost.unpriced else self._left(lambda tally: tally.dollars_left)
        return None if left is None else self.cost.priced + left

    def _left(self, of: Callable[[Tally], float | None]) -> float | None:
        amounts = [of(tally) for tally in self.tallies.values()]
        known = [amount for amount in amounts if amount is not None]
        return sum(known) if len(known) == len(amounts) else None

    @property
    def cost(self) -> Cost:
        """Of the whole run so far."""
        return self.earlier + self.made

    def spoken_for(self, dollars: float) -> bool:
        """Whether the run has spent so much or is expected to when the running units are done, so that none may begin.

        Before a unit of a group is done, nothing is known of what one costs: the cheapest condition ends first. Of such
        groups no more than `UNKNOWN` units run at once.
        """
        means = [tally.mean for tally in self.tallies.values() if tally.mean is not None]
        unknown = sum(tally.running for tally in self.tallies.values() if tally.mean is None)
        if unknown >= UNKNOWN or not means:
            return unknown >= UNKNOWN
        open_ends = sum(tally.open_end(max(means)) for tally in self.tallies.values())
        return self.cost.priced + open_ends >= dollars

    def over(self, limit: LimitFields) -> bool:
        """Whether the run's limit is reached or cannot be held, which is noted."""
        if limit.cost is None and limit.tokens is None and limit.minutes is None:
            return False
        cost = self.cost
        unknown = [("tokens", limit.tokens, cost.uncounted), ("cost", limit.cost, cost.unpriced)]
        if blind := [name for name, most, calls in unknown if most is not None and calls]:
            replies = pluralize(cost.uncounted or cost.unpriced, "reply", "replies")
            self.unheld = (
                f"limits.run.{blind[0]} cannot be enforced: {replies} came without token counts; limit minutes "
                f"instead, or make the server send `usage`"
            )
            return True
        over = (
            (limit.cost is not None and cost.priced >= limit.cost)
            or (limit.tokens is not None and cost.tokens >= limit.tokens)
            or (limit.minutes is not None and cost.seconds >= limit.minutes * 60)
        )
        self.limited = self.limited or over
        return over
