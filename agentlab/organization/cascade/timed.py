"""Runs a function with a limit on its time, so that a user's code or pattern that hangs does not hang a run."""

import ctypes
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

R = TypeVar("R")


class TimeLimit(BaseException):
    """The function took too long. It is no `Exception`, so that the function cannot catch it by accident."""


def in_main_thread() -> bool:
    """Whether a signal can stop what runs here, even where it is no Python code, such as the search for a pattern."""
    return threading.current_thread() is threading.main_thread()


def timed(seconds: float, function: Callable[[], R]) -> R:
    """What the function returns. Raises `TimeLimit` after so many seconds.

    Outside the main thread only Python code is stopped, between two of its instructions.
    """
    return _signalled(seconds, function) if in_main_thread() else _watched(seconds, function)


def _signalled(seconds: float, function: Callable[[], R]) -> R:
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


def _watched(seconds: float, function: Callable[[], R]) -> R:
    """A second thread raises the error in this one."""
    thread, lock = ctypes.c_ulong(threading.get_ident()), threading.Lock()
    done = late = False

    def stop() -> None:
        nonlocal late
        with lock:
            if not done:
                late = True
                ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(TimeLimit))

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        made = function()
        with lock:
            done = True
    except BaseException:
        with lock:
            done = True
        raise
    finally:
        timer.cancel()
    if late:  # the error is on its way: it reaches this loop, at the latest
        while True:
            time.sleep(0)
    return made
