"""Process 1 of a sandbox: takes files and a command from stdin, runs it under limits, and writes what came of it.

It runs inside, on the standard library alone, and imports little of it. In: a marshalled mapping of command, env,
limits and files ([path, size] each), then the contents. Out: a line of JSON made of numbers and hexadecimal text, then
the output and the contents. Everything else inside is dead before the first byte is read back.
"""

from __future__ import annotations

import marshal
import os
import resource
import select
import signal
import stat
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

WORK = "/project"
PLACES = (WORK, "/tmp", "/dev/shm")
DEEPEST, LONGEST_PATH = 12, 200
TICK = 0.03
"""Seconds between two looks at the memory."""


def main() -> None:
    """Becomes a user that exists nowhere else, runs the command and answers."""
    if len(sys.argv) > 1:
        uid = int(sys.argv[1])
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    else:  # a change of the user does this by itself
        import ctypes

        ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # not dumpable: nobody inside may look at process 1
    told = marshal.load(sys.stdin.buffer)
    before = put(told["files"])
    answer, home, null = os.dup(1), os.dup(0), os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.set_inheritable(answer, False)
    os.set_inheritable(home, False)
    os.chdir(WORK)
    if told["relay"]:
        sys.path.insert(0, "/opt")
        import relay  # pyright: ignore[reportMissingImports]

        relay.start(*told["relay"])
    watched = Watched(told["command"], told["env"], told["limits"], home)
    watched.run()
    found, gone, odd = walk(told["limits"], before)
    facts = {
        "why": hexed(watched.why),
        "code": None if watched.status is None else os.waitstatus_to_exitcode(watched.status),
        "output": [len(watched.head), len(watched.tail)],
        "dropped": max(0, watched.total - len(watched.head) - len(watched.tail)),
        "files": [[hexed(path), len(data)] for path, data in found],
        "gone": [hexed(path) for path in gone],
        "odd": [[hexed(sort), count] for sort, count in odd.items()],
        **watched.used(),
    }
    line = "{" + ", ".join(f'"{name}": {written(value)}' for name, value in facts.items()) + "}\n"
    view = memoryview(b"".join((line.encode(), watched.head, watched.tail, *(data for _, data in found))))
    while view:
        view = view[os.write(answer, view) :]


def hexed(text: str) -> str:
    """`text` in hexadecimal: nothing that a program wrote is read as JSON outside."""
    return text.encode().hex()


def written(value: str | float | list[Any] | None) -> str:
    """JSON of numbers, hexadecimal text and lists of them."""
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    return "null" if value is None else f'"{value}"' if isinstance(value, str) else repr(value)


def put(files: list[tuple[str, int]]) -> dict[str, bytes]:
    """Writes the files; gives what was put where, to tell later what has changed."""
    before: dict[str, bytes] = {}
    for path, size in files:
        data = sys.stdin.buffer.read(size)
        full = os.path.join(WORK, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "wb") as handle:
            handle.write(data)
        before[path] = data
    return before


class Watched:
    """A command that runs, and what is known of it."""

    def __init__(self, command: list[str], env: dict[str, str], limits: dict[str, Any], home: int) -> None:
        self.command, self.env, self.limits, self.home = command, env, limits, home
        self.head, self.tail, self.total = b"", b"", 0
        self.why, self.peak, self.left = "exit", 0, 0
        self.status: int | None = None
        self.started = self.ended = 0.0

    def run(self) -> None:
        """Runs it to its end, or to a limit; afterwards nothing else is alive."""
        self.read, write = os.pipe()
        self.started = time.monotonic()
        self.pid = os.fork()
        if self.pid == 0:
            self.begin(write)
        os.close(write)
        os.set_blocking(self.read, False)
        self.watch()
        self.ended = time.monotonic()
        while self.status is not None and self.total <= self.limits["flood"] and self.take():
            pass  # what it wrote last
        self.kill()

    def begin(self, write: int) -> None:
        """In the child."""
        try:
            os.setsid()
            os.dup2(write, 1)
            os.dup2(write, 2)
            for name, value in self.limits["rlimits"].items():
                resource.setrlimit(getattr(resource, "RLIMIT_" + name), (value, value))
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            os.execvpe(self.command[0], self.command, self.env)
        except BaseException as error:
            os.write(write, f"{self.command[0]}: {error}\n".encode())
            os._exit(127)

    def watch(self) -> None:
        """Until the command is over or has reached a limit. Whatever it left running is killed after that."""
        poll = select.poll()
        poll.register(self.read, select.POLLIN | select.POLLHUP)
        poll.register(self.home, select.POLLHUP)
        looked, reading = 0.0, True
        while self.status is None:
            left = self.limits["seconds"] - (time.monotonic() - self.started)
            if left <= 0:
                self.why = "timeout"
                return
            events = dict(poll.poll(min(20, 1 + left * 1000) if reading else 5))
            if self.home in events:
                os._exit(1)  # whoever started this is gone: everything here dies with process 1
            if self.read in events and self.take() is False:
                reading = False
                poll.unregister(self.read)
            self.reap()
            if self.total > self.limits["flood"]:
                self.why, self.status = "flood", None
                return
            if time.monotonic() - looked > TICK:
                looked = time.monotonic()
                self.peak = max(self.peak, memory())
                if self.peak > self.limits["memory"]:
                    self.why, self.status = "memory", None
                    return

    def take(self) -> bool | None:
        """Reads what it has written: True if there was some, None if there is none yet, False at its end."""
        try:
            data = os.read(self.read, 1 << 16)
        except BlockingIOError:
            return None
        if not data:
            return False
        self.total += len(data)
        keep = self.limits["output"] // 2
        room = max(0, keep - len(self.head))
        self.head += data[:room]
        self.tail = (self.tail + data[room:])[-keep:]
        return True

    def reap(self) -> None:
        """Takes note of what has ended, orphans included."""
        while True:
            try:
                done, state, _ = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if done == 0:
                return
            if done == self.pid:
                self.status = state

    def kill(self) -> None:
        """Kills everything but process 1, until nothing is left, and counts what it had not ended by itself."""
        self.left = -1 if self.status is None else 0
        while True:
            try:  # noqa: SIM105 - contextlib would be one more module to load
                os.kill(-1, signal.SIGKILL)
            except ProcessLookupError:
                pass
            try:
                while os.wait4(-1, 0):
                    self.left += 1
            except ChildProcessError:
                if not others():
                    return

    def used(self) -> dict[str, Any]:
        """Time and memory."""
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return {
            "seconds": round(self.ended - self.started, 4),
            "cpu": round(used.ru_utime + used.ru_stime, 4),
            "peak": self.peak,
            "left": max(0, self.left),
        }


def others() -> list[str]:
    """Every process but the first."""
    return [name for name in os.listdir("/proc") if name.isdigit() and name != "1"]


def memory() -> int:
    """Bytes resident in all processes but this one, and in files; an empty file takes memory too."""
    total = 0
    for name in others():
        try:
            with open(f"/proc/{name}/statm") as handle:
                total += int(handle.read().split()[1]) * 4096
        except (OSError, IndexError):
            pass
    for place in PLACES:
        disk = os.statvfs(place)
        total += (disk.f_blocks - disk.f_bfree) * disk.f_frsize + (disk.f_files - disk.f_ffree) * 1024
    return total


def plain(path: str) -> bool:
    """Whether a path can be shown as it is."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return path.isprintable() and len(path) <= LONGEST_PATH


def walk(limits: dict[str, Any], before: dict[str, bytes]) -> tuple[list[tuple[str, bytes]], list[str], dict[str, int]]:
    """The changed files, the paths that are gone, and how many entries of each odd sort were left out.

    Follows no link. Past a limit nothing is kept: which files would be kept would depend on the order of a folder.
    """
    found: list[tuple[str, bytes]] = []
    seen: set[str] = set()
    odd: dict[str, int] = {}
    todo, many, total = [("", 0)], 0, 0
    while todo:
        folder, depth = todo.pop()
        with os.scandir(os.path.join(WORK, folder)) as entries:
            for entry in entries:
                many += 1
                if many > limits["entries"]:
                    return [], [], {"too many": 1}
                path, info = os.path.join(folder, entry.name), entry.stat(follow_symlinks=False)
                sort = strange(path, info, depth)
                if sort:
                    odd[sort] = odd.get(sort, 0) + 1
                    seen.add(path)
                elif stat.S_ISDIR(info.st_mode):
                    if entry.name != "__pycache__":
                        os.chmod(entry.path, 0o700)
                        todo.append((path, depth + 1))
                else:
                    seen.add(path)
                    data = content(entry.path, limits["file"])
                    if before.get(path) != data:
                        total += len(data)
                        found.append((path, data))
                        if total > limits["workspace"] or len(found) > limits["changed"]:
                            return [], [], {"too much": 1}
    found.sort()
    gone = sorted(path for path in set(before) - seen if not os.path.lexists(os.path.join(WORK, path)))
    return found, gone, odd


def strange(path: str, info: os.stat_result, depth: int) -> str | None:
    """Why an entry is not kept; None if it is."""
    if not plain(path):
        return "name"
    if stat.S_ISDIR(info.st_mode):
        return "deep" if depth >= DEEPEST else None
    if not stat.S_ISREG(info.st_mode):
        return "link" if stat.S_ISLNK(info.st_mode) else "device"
    return None


def content(path: str, most: int) -> bytes:
    """Of a file, readable or not."""
    os.chmod(path, 0o600)
    with open(path, "rb") as handle:
        return handle.read(most + 1)


main()
os._exit(0)
