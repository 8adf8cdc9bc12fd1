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
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def main() -> None:
    """Becomes a user that exists nowhere else, runs the command and answers."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # process 1 then hears of no signal from inside
    if len(sys.argv) > 1:
        uid = int(sys.argv[1])
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    else:  # a change of the user does this by itself
        import ctypes

        ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # not dumpable: nobody inside may look at process 1
    request = marshal.load(sys.stdin.buffer)
    place = at(request["local"])
    before = put(request["files"], place.work)
    answer, home, null = os.dup(1), os.dup(0), os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.set_inheritable(answer, False)
    os.set_inheritable(home, False)
    os.chdir(place.work)
    if request["relay"]:
        import relay  # pyright: ignore[reportMissingImports]

        relay.start(*request["relay"])
    watched = Watched(request["command"], {**request["env"], "HOME": place.work}, request["limits"], home, place)
    watched.run()
    import tree  # pyright: ignore[reportMissingImports]

    changed, gone, odd = tree.walk(request["limits"], before, place.work)
    place.leave()
    dropped = watched.total - len(watched.head) - len(watched.tail)
    head, tail = place.told(watched.head, watched.tail, dropped > 0)
    facts = {
        "why": hexed(watched.why),
        "code": None if watched.status is None else os.waitstatus_to_exitcode(watched.status),
        "output": [len(head), len(tail)],
        "dropped": max(0, dropped),
        "files": [[hexed(path), len(data)] for path, data in changed],
        "gone": [hexed(path) for path in gone],
        "odd": [[hexed(sort), count] for sort, count in odd.items()],
        **watched.used(),
    }
    line = "{" + ", ".join(f'"{name}": {written(value)}' for name, value in facts.items()) + "}\n"
    view = memoryview(b"".join((line.encode(), head, tail, *(data for _, data in changed))))
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


def at(local: dict[str, Any] | None) -> Any:
    """Where the command runs. What is needed for some commands only stands beside this file."""
    sys.path.insert(0, os.path.dirname(os.path.abspath(sys.argv[0])))
    if local is None:
        return Inside()
    import here  # pyright: ignore[reportMissingImports]

    return here.Here(local)


def put(files: list[tuple[str, int]], work: str) -> dict[str, bytes]:
    """Writes the files; returns what was put where, to see later what has changed."""
    before: dict[str, bytes] = {}
    for path, size in files:
        data = sys.stdin.buffer.read(size)
        full = os.path.join(work, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "wb") as handle:
            handle.write(data)
        before[path] = data
    return before


class Watched:
    """A command that runs, and what is known of it."""

    def __init__(self, command: list[str], env: dict[str, str], limits: dict[str, Any], home: int, place: Any) -> None:
        self.command, self.env, self.limits, self.home, self.place = command, env, limits, home, place
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
            self.place.confine()
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
                self.kill()  # whoever started this is gone
                self.place.leave()
                os._exit(1)
            if self.read in events and self.take() is False:
                reading = False
                poll.unregister(self.read)
            self.reap()
            if self.total > self.limits["flood"]:
                self.why, self.status = "flood", None
                return
            if time.monotonic() - looked > self.place.tick:
                looked = time.monotonic()
                self.peak = max(self.peak, memory(self.place))
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
            self.place.kill(self.pid)
            try:
                while os.wait4(-1, 0):
                    self.left += 1
            except ChildProcessError:
                if not self.place.others():
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


class Inside:
    """A sandbox: every process but the first is the command's, and what it may write are file systems of their own."""

    work = "/project"
    tick = 0.03
    """Seconds between two looks at the memory."""

    def confine(self) -> None:
        """The sandbox does it."""

    def others(self) -> list[str]:
        """Every process but the first."""
        return [name for name in os.listdir("/proc") if name.isdigit() and name != "1"]

    def memory(self, resident: int) -> int:
        """Bytes of the processes, `resident`, and of files; an empty file takes memory too."""
        for place in (self.work, "/tmp", "/dev/shm"):
            disk = os.statvfs(place)
            resident += (disk.f_blocks - disk.f_bfree) * disk.f_frsize + (disk.f_files - disk.f_ffree) * 1024
        return resident

    def kill(self, group: int) -> None:
        """Kills all of them."""
        try:  # noqa: SIM105 - contextlib would be one more module to load
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def told(self, head: bytes, tail: bytes, cut: bool) -> tuple[bytes, bytes]:
        """What is kept of the output; its folder has the same name for every command."""
        return head, tail

    def leave(self) -> None:
        """What it wrote ends with process 1."""


def memory(place: Any) -> int:
    """Bytes resident in all processes but this one, and in files."""
    total = 0
    for name in place.others():
        try:
            with open(f"/proc/{name}/statm") as handle:
                total += int(handle.read().split()[1]) * 4096
        except (OSError, IndexError):
            pass
    return place.memory(total)


main()
os._exit(0)
