"""Searches patterns in a child process, for threads in which a search that hangs cannot be stopped."""

import atexit
import json
import select
import subprocess
import sys
import threading
from dataclasses import dataclass, field

from agentlab.organization.cascade.timed import TimeLimit

_CODE = """
import json, re, sys
print("ready", flush=True)
for line in sys.stdin:
    pattern, text = json.loads(line)
    compiled = re.compile(pattern)
    groups = [match[1 if compiled.groups else 0] for match in compiled.finditer(text)]
    print(json.dumps([groups[0], groups[-1]] if groups else []), flush=True)
"""


@dataclass(slots=True)
class _Child:
    """One process, started when it is first asked, and again after it hung."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    process: subprocess.Popen[str] | None = None

    def ask(self, pattern: str, text: str, seconds: float) -> list[str | None]:
        with self.lock:
            process = self.process = self.process or _started()
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps([pattern, text]) + "\n")
            process.stdin.flush()
            if not select.select([process.stdout], [], [], seconds)[0]:
                self.end()
                raise TimeLimit
            return json.loads(process.stdout.readline())

    def end(self) -> None:
        process, self.process = self.process, None
        if process is not None:
            process.kill()
            process.communicate()


def _started() -> subprocess.Popen[str]:
    command = [sys.executable, "-I", "-c", _CODE]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")
    assert process.stdout is not None
    process.stdout.readline()
    return process


_child = _Child()
atexit.register(_child.end)


def first_and_last(pattern: str, text: str, seconds: float) -> list[str | None]:
    """The first group (or the whole) of the first and of the last match; empty without a match.

    Raises `TimeLimit` after so many seconds.
    """
    return _child.ask(pattern, text, seconds)
