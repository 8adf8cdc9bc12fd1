"""Runs a command and ends it, with all it started, when the process that started this one is gone.

`python supervise.py [--grace SECONDS] COMMAND...` needs Python alone. Its own standard input must be a pipe that its
parent holds open: the system closes it however the parent ends. It must lead a process group of its own. With
`--grace`, the command first gets SIGTERM and so many seconds; without, it is killed at once. SIGTERM to the group is
left to the command. The exit code is the command's; 128 + n for one that signal n ended, as a shell says it.
"""

import os
import signal
import subprocess
import sys
import threading
import time

GRACE = "--grace"


def main(command: list[str]) -> int:
    grace = 0.0
    if command[:1] == [GRACE]:
        grace, command = float(command[1]), command[2:]
    signal.signal(signal.SIGTERM, wait_for_command)
    threading.Thread(target=end_with_parent, args=(grace,), daemon=True).start()
    try:
        code = subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode
    except OSError as error:
        print(f"{command[0]} cannot be started: {error.strerror}", file=sys.stderr)
        return 127
    return code if code >= 0 else 128 - code


def wait_for_command(number: int, frame: object) -> None:
    """Does nothing. The command would inherit an ignored signal, but it does not inherit a handler."""


def end_with_parent(grace: float) -> None:
    while os.read(0, 1024):
        pass
    if grace:
        os.killpg(0, signal.SIGTERM)
        time.sleep(grace)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
