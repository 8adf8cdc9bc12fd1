"""Limits how many programs run at once, so that the seconds of a program do not depend on how busy a run is."""

import asyncio
import os
from contextlib import AbstractAsyncContextManager
from weakref import WeakKeyDictionary

_by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


def turn() -> AbstractAsyncContextManager[None]:
    """Waits until one of the machine's cores is free of programs, and keeps it until the block ends."""
    loop = asyncio.get_running_loop()
    if loop not in _by_loop:
        _by_loop[loop] = asyncio.Semaphore(cores())
    return _by_loop[loop]


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
