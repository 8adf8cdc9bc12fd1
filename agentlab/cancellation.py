"""Whether a task was asked to end."""

import asyncio


def is_asked() -> bool:
    """Of a `CancelledError`: whether somebody asked the task to end; else the code itself raised it."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
