"""Hostile programs in the sandbox: each ends as a result, nothing escapes, nothing is left behind."""

import asyncio
import os
import platform
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentlab.errors import SandboxError
from agentlab.tools.sandbox.backend import Sandbox, environment
from agentlab.tools.sandbox.bubblewrap import Bubblewrap
from agentlab.tools.sandbox.detect import sandbox
from agentlab.tools.sandbox.ended import MB, Ended, Limits
from agentlab.tools.sandbox.run import run
from agentlab.tools.sandbox.seccomp import CALLS, program

pytestmark = pytest.mark.process
SECRET = "hunter2-is-the-secret"


@pytest.fixture(scope="module")
def box() -> Sandbox:
    try:
        return asyncio.run(sandbox())
    except SandboxError as error:
        pytest.skip(str(error))


@pytest.fixture
def decoy(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the host that knows a secret."""
    (tmp_path / "secret.txt").write_text(SECRET)
    process = subprocess.Popen([sys.executable, "-c", "input()"], env={"SECRET": SECRET}, stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def ended(box: Sandbox, code: str, seconds: float = 20, **limits: int) -> Ended:
    return asyncio.run(run(box, ["python3", "main.py"], {"main.py": code.encode()}, Limits(seconds=seconds, **limits)))


def inside() -> set[str]:
    """Processes of sandboxes: those with process ids of their own."""
    found = set[str]()
    for path in Path("/proc").glob("[0-9]*/status"):
        try:
            status = path.read_text()
        except OSError:
            continue
        if (ids := re.search(r"^NSpid:(.*)$", status, re.MULTILINE)) and len(ids[1].split()) > 1:
            found.add(path.parent.name)
    return found


def test_a_program_reads_and_writes_its_files_and_sees_no_others(box: Sandbox) -> None:
    code = "open('new/a.txt', 'w').write(open('given.txt').read() * 2); import os; os.remove('given.txt')"
    files = {"main.py": b"import os; os.makedirs('new')\n" + code.encode(), "given.txt": "ü".encode()}
    end = asyncio.run(run(box, ["python3", "main.py"], files))
    assert (end.why, end.code, dict(end.files), end.gone) == ("exit", 0, {"new/a.txt": "üü".encode()}, ("given.txt",))
    lost = asyncio.run(run(box, ["no-such-program"], {}))
    assert lost.code == 127
    assert "no-such-program" in lost.output
    assert ended(box, "import ctypes; ctypes.string_at(0)").code == -11


STUBBORN = """
import signal, time
for number in range(1, 64):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
time.sleep(99)
"""
GREEDY = """
import os
for i in range(3): os.fork()
x = []
while True: x.append(os.urandom(1 << 20) * 4)
"""
LIMITED = {
    "timeout": (STUBBORN, 1.0),
    "memory": (GREEDY, 20.0),
    "flood": ("import os\nwhile True: os.write(1, b'x' * 65536)", 20.0),
}


@pytest.mark.parametrize("why", LIMITED)
def test_a_program_is_ended_at_its_limits(box: Sandbox, why: str) -> None:
    code, seconds = LIMITED[why]
    end = ended(box, code, seconds, memory=200 * MB, flood=4 * MB)
    assert end.why == why
    assert end.code is None
    assert len(end.output) < 17_000


FORKS = """
import os, time
n = 0
try:
    while os.fork(): n += 1
    time.sleep(9)
except OSError: print('forks', n)
"""
DISK = """
for place in ('/project', '/tmp', '/dev/shm', '/', '/etc', '/run', '/dev'):
    n = 0
    try:
        for i in range(100):
            open(f'{place}/f{i}', 'wb').write(b'x' * (1 << 20))
            n += 1
    except OSError: pass
    print(place, n)
"""
RAISED = """
import resource as r
for name in ('AS', 'NPROC', 'FSIZE', 'CPU'):
    try: r.setrlimit(getattr(r, 'RLIMIT_' + name), (-1, -1)); print('RAISED', name)
    except (OSError, ValueError): pass
"""


def test_bombs_go_no_further_than_their_limits(box: Sandbox) -> None:
    assert int(ended(box, FORKS).output.split()[1]) < 32
    end = ended(box, DISK, disk=8 * MB, memory=900 * MB)
    written = {place: int(n) for place, n in map(str.split, end.output.splitlines())}
    assert max(written.values()) <= 8
    assert [place for place, n in written.items() if n] == ["/project", "/tmp", "/dev/shm"]
    assert ended(box, RAISED).output == ""


DAEMONS = """
import os, time
for i in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0: time.sleep(99)
        os._exit(0)
time.sleep(.2)
print('done')
"""


def test_what_a_program_leaves_running_is_ended(box: Sandbox) -> None:
    before = inside()
    end = ended(box, DAEMONS)
    assert (end.output, end.left) == ("done\n", 3)
    assert inside() <= before


def test_nothing_of_the_host_is_seen(box: Sandbox, decoy: subprocess.Popen[bytes], tmp_path: Path) -> None:
    code = f"""
import glob, os
for place in ({str(tmp_path)!r}, {str(Path.cwd())!r}, '/home', '/var', '/sys', '/root/.ssh', '/proc/1/root', '/work'):
    try: print('SEEN', place, os.listdir(place))
    except OSError: pass
found = b''
for name in glob.glob('/proc/[0-9]*/*') + ['/proc/keys', '/proc/1/mem']:
    try: found += open(name, 'rb').read(4096)
    except OSError: pass
print('SECRET' if {SECRET!r}.encode() in found else 'none', sorted(os.environ) == {sorted(environment("/usr/bin"))!r})
try: import agentlab; print('IMPORTED')
except ImportError: pass
for pid in (1, {decoy.pid}, {os.getpid()}):
    try: os.kill(pid, 9)
    except OSError: pass
print(os.getuid() != 0, [f for f in map(int, os.listdir('/proc/self/fd')) if f > 3])
"""
    assert ended(box, code).output == "none True\nTrue []\n"
    assert decoy.poll() is None


def test_there_is_no_network(box: Sandbox, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind("\0agentlab-test-of-sandbox")
        unix.listen()
        code = f"""
import socket
hosts = (2, ('127.0.0.1', {tcp.getsockname()[1]})), (1, '\\0agentlab-test-of-sandbox'), (2, ('192.0.2.1', 80))
for family, address in hosts:
    s = socket.socket(family); s.settimeout(.5)
    try: s.connect(address); print('CONNECTED', address)
    except OSError: pass
for family in (16, 17, 38, 40, 31, 29, 30):
    for kind in (1, 2, 3, 5):
        try: socket.socket(family, kind); print('OPENED', family, kind)
        except OSError: pass
"""
        assert ended(box, code).output == ""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers of the calls below are those of x86-64")
def test_dangerous_system_calls_are_refused(box: Sandbox) -> None:
    code = """
import ctypes
libc, buffer = ctypes.CDLL(None, use_errno=True), ctypes.create_string_buffer(256)
calls = dict(
    uring=(425, 4, buffer), keyctl=(250, 0, -3, 0), add_key=(248, b'user', b'x', b'y', 1, -3), bpf=(321, 0, buffer, 9),
    perf=(298, buffer, 0, -1, -1, 0), userfaultfd=(323, 0), memfd=(319, b'x', 0), setns=(308, 0, 0),
    mount=(165, b'x', b'/project', b'tmpfs', 0, 0), unshare=(272, 0x10000000), clone=(56, 0x10000011, 0, 0, 0, 0),
    chroot=(161, b'/'), ptrace=(101, 16, 1, 0, 0), readv=(310, 1, buffer, 1, buffer, 1, 0), pivot=(155, b'/', b'/'),
    fsopen=(430, b'tmpfs', 0), shm=(29, 0, 1 << 20, 0o1666), module=(175, buffer, 1, buffer),
    tiocsti=(16, 0, 0x5412, b'x'), mknod=(133, b'/project/d', 0o20666, 0x103),
)
for name, call in calls.items():
    if libc.syscall(*call) >= 0: print('ALLOWED', name)
for path in ('/proc/sys/kernel/core_pattern', '/proc/sysrq-trigger', '/etc/passwd', '/opt/shim.pyc', '/usr/bin/sh'):
    try: open(path, 'r+b'); print('OPENED', path)
    except OSError: pass
"""
    assert ended(box, code).output == ""


def test_files_that_are_not_looked_at_are_not_gone(box: Sandbox) -> None:
    deep = "/".join("abcdefghijklmnop")
    files = {"main.py": b"import os; os.remove('lost.txt')", deep: b"1", "__pycache__/a.txt": b"2", "lost.txt": b"3"}
    assert asyncio.run(run(box, ["python3", "main.py"], files)).gone == ("lost.txt",)


def test_odd_files_are_counted_and_not_kept(box: Sandbox) -> None:
    code = """
import os
os.symlink('/etc/passwd', 'link'); os.mkfifo('fifo'); os.mkdir('closed')
for name in (b'a\\nb', b'\\xff', b'\\x1b[31m'): open(name, 'w').write('x')
open('closed/in', 'w').write('y'); os.chmod('closed', 0)
open('suid', 'w').write('z'); os.chmod('suid', 0o6755)
folder = 'd' + '/d' * 30
os.makedirs(folder); open(folder + '/deep', 'w').write('x')
"""
    end = ended(box, code)
    assert end.odd == {"link": 1, "device": 1, "name": 3, "deep": 1}
    assert end.files == {"closed/in": b"y", "suid": b"z"}
    many = ended(box, "for i in range(600): open(str(i), 'w').write('x')")
    assert (dict(many.files), many.odd) == ({}, {"too much": 1})


def test_a_sandbox_that_cannot_be_started_is_a_result(tmp_path: Path) -> None:
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho no namespaces here >&2\nexit 1\n")
    broken.chmod(0o755)
    assert asyncio.run(run(Bubblewrap(str(broken)), ["true"], {})).fault == "no namespaces here"
    assert asyncio.run(run(Bubblewrap(str(tmp_path / "none")), ["true"], {})).why == "broken"


@pytest.mark.parametrize("machine", CALLS)
def test_a_filter_jumps_forward_and_ends(machine: str) -> None:
    code = program(machine)
    assert len(code) % 8 == 0
    steps = [code[i : i + 8] for i in range(0, len(code), 8)]
    for i, step in enumerate(steps):
        operation = int.from_bytes(step[:2], "little")
        if operation & 7 == 5:  # a comparison
            assert i + 1 + max(step[2], step[3]) < len(steps)
    assert int.from_bytes(steps[-1][:2], "little") == 6
