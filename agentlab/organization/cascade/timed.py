"""Runs a function with a limit on its time, so that a user's code or pattern that hangs does not hang a run."""

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

R = TypeVar("R")


class TimeLimit(BaseException):
    """The function took too long. It is no `Exception`, so that the function cannot catch it by accident."""


def timed(seconds: float, function: Callable[[], R]) -> R:
    """What the function returns. Raises `TimeLimit` after so many seconds.

    There is a limit only in the main thread, since only there can a signal stop the function.
    """
    if threading.current_thread() is not threading.main_thread():
        return function()
    before, began = signal.signal(signal.SIGALRM, _stop), time.monotonic()
    earlier, interval = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return function()
    finally:
        left = max(earlier - (time.monotonic() - began), 1e-3) if earlier else 0
        signal.setitimer(signal.ITIMER_REAL, left, interval)
        signal.signal(signal.SIGALRM, before)


def _stop(number: int, frame: FrameType | None) -> None:
    raise TimeLimit
