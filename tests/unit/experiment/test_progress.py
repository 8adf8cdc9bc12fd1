"""What a command counts while it works, and what it can say of the time and the money that are left."""

from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlab.experiment.progress import Progress
from agentlab.experiment.speed import WINDOW, Speed
from agentlab.models.cost import Cost
from agentlab.types import Call, Completion, Settings

GROUPS = ("firm", "solo")


def charge(progress: Progress, row: str, calls: int, dollars: float | None = 0.0) -> None:
    for _ in range(calls):
        cost = None if dollars is None else dollars / calls
        progress.add(row, Call("ann", 1, 0, 1, "m", Settings(), "", Completion("Yes."), cost=cost))


def through(progress: Progress, group: str, row: str, calls: int, dollars: float = 0.0, failed: bool = False) -> None:
    with progress.unit(group, row) as unit:
        charge(progress, row, calls, dollars)
        unit.failed = failed


@given(st.lists(st.tuples(st.sampled_from(GROUPS), st.sampled_from((True, False, None)), st.integers(0, 3))))
def test_every_unit_is_waiting_running_done_or_failed(units: list[tuple[str, bool | None, int]]) -> None:
    progress = Progress()
    progress.enter("sample")
    progress.plan({group: sum(one == group for one, _, _ in units) + 1 for group in GROUPS}, {"solo": 1})
    for i, (group, failed, calls) in enumerate(units):
        with progress.unit(group, f"{i}") as unit:
            assert (progress.running, progress.tallies[group].running) == (1, 1)
            charge(progress, f"{i}", calls)
            unit.failed = failed
    for group, tally in progress.tallies.items():
        ends = [failed for one, failed, _ in units if one == group]
        assert (tally.failed, tally.done) == (ends.count(True), ends.count(False) + (group == "solo"))
        assert (tally.running, tally.open_calls) == (0, 0)
        assert tally.waiting == ends.count(None) + (group == "firm")
    assert progress.failed == sum(bool(failed) for _, failed, _ in units)
    assert progress.ended == sum(failed is not None for _, failed, _ in units)


def test_what_is_left_follows_what_the_done_ones_of_each_group_took() -> None:
    progress = Progress(earlier=Cost(priced=5))
    progress.enter("sample")
    progress.plan({"firm": 10, "solo": 4}, {"solo": 2})
    through(progress, "firm", "a", 12, 0.6)
    assert (progress.calls_left, progress.forecast) == (None, None), "no rollout of solo is done by this command"
    through(progress, "solo", "b", 2, 0.1)
    through(progress, "firm", "c", 8, 0.4)
    through(progress, "firm", "d", 1, failed=True)
    with ExitStack() as running:
        running.enter_context(progress.unit("firm", "e"))
        charge(progress, "e", 3, 0.2)
        assert progress.calls_left == (10 - 2 - 1) * 10 - 3 + 1 * 2
        assert progress.forecast == pytest.approx(5 + 1.3 + 7 * 0.5 - 0.2 + 0.1)
        charge(progress, "e", 100)
        assert progress.calls_left == 2, "a rollout that takes more than the others leaves nothing below zero"
    charge(progress, "f", 1, None)
    assert progress.forecast is None


def test_the_time_left_is_told_from_the_last_minute_once_there_is_a_basis() -> None:
    progress, speed = Progress(), Speed()
    progress.enter("sample")
    progress.plan({"firm": 100})
    speed.note(progress, 0.0)
    through(progress, "firm", "first", 4)
    speed.note(progress, 1.0)
    assert speed.per_second("calls") == 4
    assert speed.remaining(progress) is None, "a second is no basis"
    speed.note(progress, 4.0)
    assert speed.remaining(progress) == 99 * 4
    for second in range(5, 100):
        through(progress, "firm", f"{second}", 4) if second > 90 else None
        speed.note(progress, float(second))
    assert speed.per_second("calls") == pytest.approx(9 * 4 / WINDOW)
    assert speed.remaining(progress) == pytest.approx(90 * WINDOW / 9)
    progress.enter("pairs", "pairs", (2, 2))
    speed.note(progress, 100.0)
    assert speed.per_second("calls") == 0
    assert speed.remaining(progress) is None


def test_where_no_calls_are_made_time_is_told_by_what_is_done() -> None:
    progress, speed = Progress(), Speed()
    progress.enter("judge")
    progress.plan({"firm": 30})
    speed.note(progress, 0.0)
    for i in range(10):
        through(progress, "firm", f"{i}", 0)
    speed.note(progress, 5.0)
    assert speed.remaining(progress) == 10
    speed.note(progress, 5.0 + WINDOW)
    speed.note(progress, 6.0 + WINDOW)
    assert speed.remaining(progress) is None, "nothing was done lately"
