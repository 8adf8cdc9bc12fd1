"""Runs a command and ends it, with all it started, when the process that started this one is gone.

`python supervise.py COMMAND...` needs Python alone. Its own standard input must be a pipe that its parent holds open:
the system closes it however the parent ends. It must lead a process group of its own. The exit code is the command's;
128 + n for one that signal n ended, as a shell says it.
"""

import os
import signal
import subprocess
import sys
import threading


def main(command: list[str]) -> int:
    threading.Thread(target=end_with_parent, daemon=True).start()
    try:
        code = subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode
    except OSError as error:
        print(f"{command[0]} cannot be started: {error.strerror}", file=sys.stderr)
        return 127
    return code if code >= 0 else 128 - code


def end_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
