"""What model calls take: how many, their tokens, time and money; as a sum over calls."""

from dataclasses import dataclass

from msgspec import Struct

from agentlab.types import Call, Usage


class Cost(Struct, frozen=True):
    """A sum over calls. It adds, and it is multiplied by a count."""

    calls: int = 0
    usage: Usage = Usage()
    priced: float = 0.0
    """US dollars of the calls whose price is known."""
    unpriced: int = 0
    """Calls whose price is unknown. One that failed has none to know."""
    seconds: float = 0.0
    """Of the calls, without queueing."""
    uncounted: int = 0
    """Calls that were answered without token counts: they are in `calls` and not in `usage`."""

    @property
    def cost(self) -> float | None:
        """US dollars; None when a price is unknown."""
        return None if self.unpriced else self.priced

    @property
    def tokens(self) -> int:
        """Of prompts and replies, as far as they are known."""
        return self.usage.input + self.usage.output

    @property
    def money(self) -> str:
        """`cost` as text."""
        return money(self.cost)

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.calls + other.calls,
            self.usage + other.usage,
            self.priced + other.priced,
            self.unpriced + other.unpriced,
            self.seconds + other.seconds,
            self.uncounted + other.uncounted,
        )

    def __mul__(self, n: int) -> "Cost":
        return Cost(
            self.calls * n, self.usage * n, self.priced * n, self.unpriced * n, self.seconds * n, self.uncounted * n
        )


def money(cost: float | None) -> str:
    """US dollars as people read them: four decimals under one dollar, two from there on."""
    if cost is None:
        return "unknown"
    return f"{cost:.4f} USD" if 0 < cost < 1 else f"{cost:.2f} USD"


@dataclass(slots=True)
class RunningCost:
    """A sum over calls that grows call by call; `total` is the sum so far."""

    calls: int = 0
    input: int = 0
    output: int = 0
    reasoning: int = 0
    cache_read: int = 0
    cache_write: int = 0
    priced: float = 0.0
    unpriced: int = 0
    seconds: float = 0.0
    uncounted: int = 0

    def add(self, call: Call) -> None:
        """Counts a call that was made."""
        self.calls += 1
        self.seconds += call.seconds
        if call.cost is not None:
            self.priced += call.cost
        elif call.error is None:
            self.unpriced += 1
        if call.completion is None:
            return
        usage = call.completion.usage
        if usage is None:
            self.uncounted += 1
            return
        self.input += usage.input
        self.output += usage.output
        self.reasoning += usage.reasoning
        self.cache_read += usage.cache_read
        self.cache_write += usage.cache_write

    @property
    def total(self) -> Cost:
        """The sum."""
        usage = Usage(self.input, self.output, self.reasoning, self.cache_read, self.cache_write)
        return Cost(self.calls, usage, self.priced, self.unpriced, self.seconds, self.uncounted)
