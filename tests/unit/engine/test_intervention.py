"""A change as a run stores it."""

import pytest

from agentlab.engine.intervention import Change, drop, edit, stored, swap
from agentlab.organization.agents import Agent


@pytest.mark.parametrize(
    ("change", "text", "in_transit"),
    [
        (swap(Agent("ann"), "sim/chatter=1"), "swap ann=sim/chatter=1", False),
        (drop(12), "drop 12", True),
        (edit(3, "drop 4"), "edit 3 ", True),
    ],
)
def test_a_change_is_known_by_its_text(change: Change, text: str, in_transit: bool) -> None:
    assert change.text.startswith(text)
    assert change.in_transit == in_transit
    known = stored(change.text)
    assert known is not None
    assert (known.kind, known.what, known.text) == (change.kind, change.what, change.text)


@pytest.mark.parametrize("text", ["", "dropped 3", "swaps"])
def test_a_plain_fork_has_no_change(text: str) -> None:
    assert stored(text) is None
