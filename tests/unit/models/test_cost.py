"""Costs: sums and multiples of calls, and how money is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlab.models.cost import Cost, RunningCost, money
from agentlab.models.prices import estimated
from agentlab.models.spec import ModelSpec
from agentlab.types import Call, Completion, Settings, Usage

COUNTS = st.integers(0, 10**6)
USAGES = st.builds(Usage, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS)
COSTS = st.builds(Cost, COUNTS, USAGES, COUNTS, COUNTS, COUNTS)


@given(COSTS, COSTS, st.integers(0, 20))
def test_a_multiple_is_a_sum_and_goes_over_sums(a: Cost, b: Cost, n: int) -> None:
    assert a * n == sum([a] * n, Cost())
    assert (a + b) * n == a * n + b * n
    assert a + b == b + a


def test_one_call_without_a_price_makes_the_whole_price_unknown() -> None:
    priced = estimated(
        ModelSpec.model_validate({"name": "openai/mine", "price": {"input": 1, "output": 2}}), Usage(1000, 500)
    )
    assert (priced.cost, priced.tokens, priced.money) == (0.002, 1500, "0.0020 USD")
    both = priced + estimated(ModelSpec.model_validate({"name": "openai/nobody-knows"}), Usage(1, 1))
    assert (both.cost, both.priced, both.unpriced, both.money) == (None, 0.002, 1, "unknown")
    assert (both * 0).cost == 0


@pytest.mark.parametrize(
    ("cost", "text"),
    [(0.0, "0.00 USD"), (0.00004, "0.0000 USD"), (0.25, "0.2500 USD"), (1.0, "1.00 USD"), (12.5, "12.50 USD")],
)
def test_money(cost: float, text: str) -> None:
    assert money(cost) == text


def test_a_failed_call_has_no_price_that_could_be_missing() -> None:
    answered = Call("a", 1, 0, 1, "m", Settings(), "", Completion("", usage=Usage(3, 4)), seconds=2.0)
    failed = Call("a", 1, 0, 1, "m", Settings(), "", None, seconds=1.0, error="transient: no")
    cost = RunningCost()
    for call in (answered, failed):
        cost.add(call)
    assert cost.total == Cost(2, Usage(3, 4), 0.0, 1, 3.0)
