"""What a run cost, where a total is only told when every price is known."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from agentlab.models.cost import money
from agentlab.store import read
from agentlab.text import pluralize

_BY_MODEL = (
    "SELECT model, total(cost), sum(cost IS NULL AND error IS NULL) FROM call_spans GROUP BY model ORDER BY model"
)


@dataclass(frozen=True, slots=True)
class RunCost:
    """Money in US dollars."""

    total: float | None
    """None when the price or the token count of any call is unknown."""
    priced: float
    """Of the calls whose price is known: the least that the run cost."""
    unpriced: Mapping[str, int]
    """Calls without a known price, by model."""

    def __str__(self) -> str:
        if not self.unpriced:
            return money(self.total)
        calls = ", ".join(f"{pluralize(count, 'call')} of {model}" for model, count in self.unpriced.items())
        return f"unknown: {money(self.priced)} plus {calls} without a price"


def run_cost(folder: Path) -> RunCost:
    """Of the run in `folder`. Raises `StoreError` when there is none."""
    with closing(read(folder)) as connection:
        rows = connection.execute(_BY_MODEL).fetchall()
    priced = sum(cost for _, cost, _ in rows)
    unpriced = {model: int(count) for model, _, count in rows if count}
    return RunCost(None if unpriced else priced, priced, unpriced)
