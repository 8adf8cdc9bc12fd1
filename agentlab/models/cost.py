"""What model calls take: how many, their tokens, time and money; as a sum over calls."""

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


def cost_of_call(call: Call) -> Cost:
    """What a call took that was made."""
    usage = call.completion.usage if call.completion else Usage()
    unpriced = int(call.cost is None and call.error is None)
    return Cost(1, usage or Usage(), call.cost or 0.0, unpriced, call.seconds, int(usage is None))
