"""Several coroutines at once."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


async def together(coroutines: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """What they return, in their order. Once one of them raises, those after it are cancelled.

    The first runs in the task that asks, and there is no `asyncio.TaskGroup`: both take several times as long.
    """
    if len(coroutines) == 1:
        return [await coroutines[0]]
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(coroutine) for coroutine in coroutines[1:]]
    try:
        return [await coroutines[0], *[await task for task in tasks]]
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for task in tasks:
            _ = task.cancelled() or task.exception()  # asyncio would complain of an error that nobody looks at
        raise
