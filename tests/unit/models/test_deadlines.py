"""Calls that take too long are ended, each at its time, by one timer for all."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from agentlab.models.deadlines import Deadlines

LONG = 600.0


async def answer(value: int) -> int:
    await asyncio.sleep(0)
    return value


async def forever() -> int:
    await asyncio.get_running_loop().create_future()
    raise AssertionError("nothing ends this")


async def test_a_call_is_answered_or_ended() -> None:
    deadlines = Deadlines()
    assert await deadlines.within(0.01, answer(7)) == 7
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await deadlines.within(0.01, forever())
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    assert not deadlines.open


async def test_calls_end_in_the_order_in_which_they_began() -> None:
    deadlines, ended = Deadlines(), list[int]()

    async def call(number: int) -> None:
        await asyncio.sleep(number / 100)
        with pytest.raises(TimeoutError):
            await deadlines.within(0.05, forever())
        ended.append(number)

    async with asyncio.TaskGroup() as group:
        for number in (2, 0, 1):
            group.create_task(call(number))
    assert ended == [0, 1, 2]


async def test_who_cancels_a_call_gets_no_time_out() -> None:
    deadlines = Deadlines()
    task = asyncio.ensure_future(deadlines.within(LONG, forever()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not deadlines.open


async def test_a_call_that_is_late_and_cancelled_at_once_stays_cancelled() -> None:
    deadlines = Deadlines()
    task = asyncio.ensure_future(deadlines.within(LONG, forever()))
    await asyncio.sleep(0)
    (mine,) = deadlines.open
    mine.late = True
    del deadlines.open[mine]
    task.cancel()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_one_timer_is_enough_for_many_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    deadlines, loop, timers = Deadlines(), asyncio.get_running_loop(), list[float]()
    real: Callable[..., Any] = loop.call_at

    def counted(when: float, callback: Callable[..., Any], *rest: Any, **named: Any) -> Any:
        timers.append(when)
        return real(when, callback, *rest, **named)

    monkeypatch.setattr(loop, "call_at", counted)
    async with asyncio.TaskGroup() as group:
        for number in range(100):
            group.create_task(deadlines.within(LONG, answer(number)))
    assert len(timers) == 1


def test_a_model_that_is_used_in_another_loop_ends_its_calls_there() -> None:
    deadlines = Deadlines()
    assert asyncio.run(deadlines.within(0.05, answer(1))) == 1
    with pytest.raises(TimeoutError):
        asyncio.run(deadlines.within(0.05, forever()))
