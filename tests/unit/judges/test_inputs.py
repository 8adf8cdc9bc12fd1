"""What judges are shown: nothing of the arm, and two texts in both orders."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agentlab.judges.inputs import both_orders, judge_input
from agentlab.types import Message, Rollout, Task

TASK = Task("loan", "Help the bank.")
LOG = (Message("boss", ("hand",), "mail", "Go on.", "plan", 1, 0),)
FIRM = Rollout("k", "s", "loan", "team=firm", 1, 7, "delivered", "Done.", "closing", LOG)


@given(st.text(), st.text(), st.integers(1, 9), st.integers(0, 3), st.none() | st.text())
def test_rollouts_that_differ_in_their_arm_alone_are_shown_alike(
    key: str, condition: str, draw: int, generation: int, of: str | None
) -> None:
    other = replace(FIRM, key=key, condition=condition, draw=draw, generation=generation, of=of, budget=3.0)
    assert judge_input(TASK, other) == judge_input(TASK, FIRM)


@given(st.none() | st.text(), st.none() | st.text())
def test_each_of_two_texts_is_shown_first_once(a: str | None, b: str | None) -> None:
    straight, swapped = both_orders(TASK, a, b)
    assert (straight.output, straight.rival) == (swapped.rival, swapped.output) == (a, b)
