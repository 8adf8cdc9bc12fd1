import asyncio

import pytest

from agentlab.engine.together import together


@pytest.mark.parametrize("count", [1, 3])
def test_results_come_in_the_order_of_the_coroutines(count: int) -> None:
    ended: list[int] = []

    async def result(i: int) -> int:
        for _ in range(count - i):
            await asyncio.sleep(0)
        ended.append(i)
        return i

    async def results() -> list[int]:
        return await together([result(i) for i in range(count)])

    assert asyncio.run(results()) == [*range(count)]
    assert ended == [*range(count)][::-1]


@pytest.mark.parametrize("failing", [0, 1])
def test_once_one_fails_the_others_are_cancelled_and_waited_for(failing: int) -> None:
    ended: list[str] = []

    async def fail() -> None:
        await asyncio.sleep(0)
        raise OSError("full")

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append("cancelled")

    async def quick() -> None:
        ended.append("quick")

    async def results() -> None:
        await together([*([] if failing == 0 else [quick()]), fail(), wait(), wait()])

    with pytest.raises(OSError, match="full"):
        asyncio.run(results())
    assert ended == [*["quick"] * failing, "cancelled", "cancelled"]


def test_all_are_cancelled_with_the_task_that_asks() -> None:
    ended = [0]

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended[0] += 1

    async def cancelled() -> None:
        task = asyncio.ensure_future(together([wait(), wait(), wait()]))
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert ended == [3]
