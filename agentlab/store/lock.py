"""One process at a time in a run folder."""

import fcntl
import os
from pathlib import Path
from typing import IO

from agentlab.errors import MismatchError


def hold(folder: Path) -> IO[str]:
    """The folder's lock file, held until closed or until the process dies; it names the holder's pid.

    Raises `MismatchError` when another process holds it.
    """
    lock = (folder / "run.lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        lock.close()
        raise MismatchError(f"{folder}: process {holder} is working on this run; wait for it or use --out") from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock
