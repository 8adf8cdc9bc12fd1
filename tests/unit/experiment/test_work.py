"""Jobs in order, a bounded number at once, until the command is to stop."""

import asyncio
from collections.abc import AsyncGenerator
from functools import partial
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlab.errors import Stopped, StoreError
from agentlab.experiment.progress import Progress
from agentlab.experiment.work import Job, Work
from agentlab.scenario.fields import LimitFields
from agentlab.types import Call, Completion, Settings


def work(concurrency: int, progress: Progress, limit: LimitFields | None = None) -> Work:
    nothing = cast(Any, None)
    return Work(nothing, 1, {}, {}, nothing, progress, concurrency, limit)


@given(st.integers(1, 5), st.lists(st.integers(0, 3), max_size=12))
def test_jobs_begin_in_order_and_never_more_than_so_many_at_once(concurrency: int, waits: list[int]) -> None:
    begun, running, most = list[int](), 0, 0
    progress = Progress()

    async def job(i: int) -> None:
        nonlocal running, most
        begun.append(i)
        running += 1
        most = max(most, running)
        for _ in range(waits[i]):
            await asyncio.sleep(0)
        running -= 1

    asyncio.run(work(concurrency, progress).each([partial(job, i) for i in range(len(waits))]))
    assert begun == list(range(len(waits)))
    assert most <= concurrency


def test_nothing_is_begun_once_it_is_to_stop_and_a_stopped_job_is_no_error() -> None:
    begun, progress = list[int](), Progress()

    async def job(i: int) -> None:
        begun.append(i)
        progress.stopping = i == 1
        raise Stopped("no")

    asyncio.run(work(1, progress).each([partial(job, i) for i in range(4)]))
    assert begun == [0, 1]


def test_a_limit_that_is_reached_stops_and_is_noted() -> None:
    begun, progress = list[int](), Progress()

    async def job(i: int) -> None:
        begun.append(i)
        progress.add(f"{i}", Call("ann", 1, 0, 1, "m", Settings(), "", Completion("Yes."), seconds=30.0))

    limit = LimitFields.model_validate({"minutes": 1})
    asyncio.run(work(1, progress, limit).each([partial(job, i) for i in range(4)]))
    assert begun == [0, 1]
    assert progress.limited


def test_a_job_is_taken_when_there_is_room_for_it_and_our_error_is_raised_alone() -> None:
    taken, ended = list[int](), list[int]()

    async def job(i: int) -> None:
        await asyncio.sleep(0)
        ended.append(i)
        if i == 2:
            raise StoreError("full")

    async def jobs() -> AsyncGenerator[Job]:
        for i in range(5):
            taken.append(len(ended))
            yield partial(job, i)

    with pytest.raises(StoreError, match="full"):
        asyncio.run(work(1, Progress()).each(jobs()))
    assert taken == [0, 1, 2]
