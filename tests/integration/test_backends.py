"""Other places for programs than bubblewrap: containers, and this machine itself for those who ask for it."""

import asyncio
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from agentlab_cli.main import app
from typer.testing import CliRunner

from agentlab.errors import SandboxError
from agentlab.runs.frames import load
from agentlab.tools.sandbox import detect
from agentlab.tools.sandbox.backend import SOCKET
from agentlab.tools.sandbox.confine import landlock
from agentlab.tools.sandbox.container import VARIABLE, Container
from agentlab.tools.sandbox.ended import MB, Ended, Limits
from agentlab.tools.sandbox.local import Local
from agentlab.tools.sandbox.run import run

SCENARIO = """\
spec: 1
name: local
models:
  default:
    name: sim/replies
    options:
      calls: {ann: {run: {command: "cat in.txt > out.txt && cat out.txt"}}}
      replies: {ann: {"<done>Done.</done>": 1}}
tasks: {t: {prompt: Run it., fields: {files: {in.txt: hello}}}}
organization: {agents: {ann: {tools: [run]}}, protocol: {kind: board, workers: [ann]}}
"""


def test_a_container_has_every_protection_that_bubblewrap_has() -> None:
    limits = Limits(memory=100 * MB, processes=20, disk=8 * MB)
    launch = Container("/usr/bin/docker", "27.1", "python:3.11-slim").launch(limits, Path("/tmp/x/model.sock"))
    binary, command, *options = launch.arguments
    image = options.index("python:3.11-slim")
    assert (binary, command, options[image:]) == (
        "/usr/bin/docker",
        "run",
        ["python:3.11-slim", "-I", "-S", "-B", "/opt/shim.py"],
    )
    assert set(options[:image]) >= {
        "--rm",
        "--interactive",
        "--pull=never",
        "--network=none",
        "--read-only",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
        "--user=65534:65534",
        f"--memory={196 * MB}",
        f"--memory-swap={196 * MB}",
        "--pids-limit=52",
        f"--tmpfs=/project:rw,exec,nosuid,nodev,size={8 * MB},mode=1777",
        f"--volume=/tmp/x/model.sock:{SOCKET}",
        "--workdir=/project",
        "--entrypoint=python3",
    }
    assert set(launch.outside) <= {"PATH", "HOME", "XDG_RUNTIME_DIR"} | {
        n for n in os.environ if n.startswith("DOCKER")
    }


@pytest.mark.slow
@pytest.mark.process
def test_a_program_runs_in_a_container_where_there_is_one() -> None:
    binary = next(filter(None, map(shutil.which, ("docker", "podman"))), None)
    image = os.environ.get(VARIABLE)
    if binary is None or not image:
        pytest.skip(f"needs docker or podman, and an image named in {VARIABLE}")
    box = Container(binary, "", image)
    end = asyncio.run(run(box, ["sh", "-c", "cat in.txt > out.txt"], {"in.txt": b"hello"}))
    assert (end.why, end.code, dict(end.files)) == ("exit", 0, {"out.txt": b"hello"})
    assert subprocess.run([binary, "ps", "--quiet"], capture_output=True, check=True).stdout == b""


def test_the_first_place_that_works_is_taken_and_what_failed_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = list[str]()

    async def tried(box: Container, *_: object) -> Ended:
        asked.append(Path(box.binary).name)
        if asked[-1] == works:
            return Ended("exit", 0)
        return Ended("broken", None, fault="no rights")

    for name in ("bwrap", "docker", "podman"):
        (tmp_path / name).touch(0o755)
    monkeypatch.setattr(detect, "run", tried)

    def version(binary: str) -> str:
        return "1.0"

    monkeypatch.setattr(detect, "_version", version)
    monkeypatch.setattr(detect, "_installed", lambda: None)
    for i, works in enumerate(("bwrap", "docker", "podman")):
        monkeypatch.setattr(detect, "_by_place", {})
        monkeypatch.setenv("PATH", str(tmp_path))
        assert works in asyncio.run(detect.sandbox()).name.replace("bubblewrap", "bwrap")
        assert asked == ["bwrap", "docker", "podman"][: i + 1]
        asked.clear()
    works = "none"
    monkeypatch.setattr(detect, "_by_place", {})
    with pytest.raises(SandboxError, match=r"docker failed: no rights.*apt-get install bubblewrap"):
        asyncio.run(detect.sandbox())


def test_a_run_without_a_sandbox_stops_before_anything_is_played(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(workdir))
    monkeypatch.setattr(detect, "_installed", lambda: None)
    Path("s.yaml").write_text(SCENARIO)
    told = CliRunner().invoke(app, ["run", "s.yaml", "--out", "run"])
    assert "there is no sandbox to run programs in (no bwrap, docker or podman is installed)" in str(told.exception)
    assert not Path("run").exists()


@pytest.mark.process
def test_unsafe_local_runs_programs_here_records_it_and_says_so(workdir: Path) -> None:
    Path("s.yaml").write_text(SCENARIO)
    told = CliRunner().invoke(app, ["run", "s.yaml", "--out", "run", "--unsafe-local"])
    assert told.exit_code == 0, told.output
    assert "Programs of agents ran on this machine without a sandbox" in " ".join(told.output.split())
    assert load("run").meta["sandboxes"][0].startswith("unsafe-local (")
    assert load("run").messages.query("kind == 'file'")["ref"].tolist() == ["in.txt", "out.txt"]
    assert not detect.UNSAFE_LOCAL.get()


@pytest.mark.process
@pytest.mark.parametrize("many", [1, 2000])
def test_without_a_sandbox_what_a_program_prints_does_not_depend_on_where_it_ran(many: int) -> None:
    code = f"print('a file', __file__)\nprint('x' * 8 * {many})\nraise SystemExit(__file__)\n".encode()
    ends = [asyncio.run(run(Local(), ["python3", "main.py"], {"main.py": code})) for _ in range(2)]
    assert ends[0].output == ends[1].output
    assert ends[0].output.startswith("a file /project/main.py\n")
    assert ends[0].output.endswith("/project/main.py\n")
    assert ("left out" in ends[0].output) == (many > 1)


ESCAPES = """
import os, socket, subprocess, time
for path in ('/etc/passwd', '/root', '/home', '/proc/1/environ', OUTSIDE):
    try: print('READ', path, os.listdir(path) if os.path.isdir(path) else open(path).read(9))
    except OSError: pass
for path in ('/tmp/escaped', '/usr/lib/escaped', '../escaped', OUTSIDE + '/escaped'):
    try: open(path, 'w'); print('WROTE', path)
    except OSError: pass
for family in (1, 2, 10, 16):
    try: socket.socket(family); print('OPENED', family)
    except OSError: pass
os.mkdir('closed'); open('closed/in', 'w').write('y'); os.chmod('closed', 0)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0: time.sleep(99)
    os._exit(0)
time.sleep(.3)
print(os.environ['HOME'] == os.getcwd(), subprocess.run(['sh', '-c', 'echo shell'], capture_output=True).stdout)
"""


@pytest.mark.process
def test_without_a_sandbox_the_kernel_still_holds_a_program_to_its_folder(tmp_path: Path) -> None:
    if not landlock():
        pytest.skip("the kernel has no Landlock")
    code = f"OUTSIDE = {str(tmp_path)!r}\n{ESCAPES}".encode()
    end = asyncio.run(run(Local(), ["python3", "main.py"], {"main.py": code}))
    assert end.output == "True b'shell\\n'\n"
    assert (end.left, dict(end.files)) == (1, {"closed/in": b"y"})
    assert asyncio.run(run(Local(), ["sleep", "9"], {}, Limits(seconds=0.3))).why == "timeout"
    assert not [name for name in os.listdir("/tmp") if name.startswith("agentlab-") and name.count("-") == 2]
