"""The budget of a baseline, which is what its compared rollout used: how it is counted and when it is met."""

from collections.abc import Callable, Sequence
from typing import Literal

from msgspec import Struct

from agentlab.errors import ScenarioError
from agentlab.types import Call, Usage

Match = Literal["output_tokens", "tokens", "calls", "cost"]
Price = Callable[[Call], float | None]
"""US dollars of a call at the full price, nothing read from a cache; None when the price is unknown."""


class Budget(Struct, frozen=True):
    """An amount of something, and how a call is counted in it."""

    amount: float
    match: Match
    price: Price

    def sizes(self, calls: Sequence[Call]) -> list[float]:
        """What each step used, in order; a round is a step."""
        by_round: dict[int, list[Call]] = {}
        for call in calls:
            by_round.setdefault(call.round, []).append(call)
        return [used(by_round[round], self.match, self.price) for round in sorted(by_round)]


def used(calls: Sequence[Call], match: Match, price: Price) -> float:
    """What the calls used. Failed calls count as calls; they have no tokens and no cost on record.

    Raises `ScenarioError` when a reply came without token counts and they are what is matched.
    """
    if match == "calls":
        return float(len(calls))
    answered = [(call, call.completion.usage) for call in calls if call.completion is not None]
    if unknown := next((call.model for call, usage in answered if usage is None), None):
        raise ScenarioError(
            f"a baseline is matched on {match}, and {unknown} sent no token counts with its replies; write `match: "
            f"calls` in the baseline, or make the server send `usage`"
        )
    if match == "cost":
        return sum(price(call) or 0.0 for call, _ in answered)
    return float(sum(u.output + (u.input if match == "tokens" else 0) for _, u in answered if u))


def uncached(usage: Usage) -> Usage:
    """The same tokens, none of them from a cache."""
    return Usage(usage.input, usage.output)


def nearest(sizes: Sequence[float], amount: float) -> int | None:
    """How many of the steps made so far count; None while another step may end nearer to `amount`.

    Use only grows, so the nearest step is the last one below `amount` or the first one at or above it. The latter has
    to be made to be known, and does not count if it ends farther from `amount`. A step that used nothing ends the
    baseline, since the amount might never be reached.
    """
    total = sum(sizes)
    if total < amount and sizes[-1] > 0:
        return None
    before = total - sizes[-1]
    return len(sizes) if len(sizes) == 1 or total - amount <= amount - before else len(sizes) - 1


def counted(sizes: Sequence[float], amount: float) -> int | None:
    """How many of these steps count if they are made one by one; None if another one would be made."""
    steps = (nearest(sizes[: made + 1], amount) for made in range(len(sizes)))
    return next((step for step in steps if step is not None), None)
