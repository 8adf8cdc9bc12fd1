"""One process at a time in a run folder."""

import fcntl
import os
from pathlib import Path
from typing import IO

from agentlab.errors import MismatchError

LOCK = "run.lock"


def hold(folder: Path) -> IO[str]:
    """The folder's lock file, held until `release` or until the process dies; it names the holder's pid.

    Raises `MismatchError` when another process holds it.
    """
    while True:
        lock = (folder / LOCK).open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            lock.close()
            raise MismatchError(
                f"{folder}: process {holder} is using this run; wait for it to finish, or use --out"
            ) from None
        if _is(folder / LOCK, lock):
            break
        lock.close()  # its holder released it, which removes it, between the two steps above
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def release(folder: Path, lock: IO[str]) -> None:
    """Removes the lock file, so that a finished run is one file, and lets go of it."""
    if _is(folder / LOCK, lock):
        (folder / LOCK).unlink()
    lock.close()


def held(folder: Path) -> bool:
    """Whether a process works on the run now."""
    try:
        with (folder / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _is(path: Path, file: IO[str]) -> bool:
    """Whether the open file is the one at this path."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False
