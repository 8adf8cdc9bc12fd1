"""What this machine has to run vLLM: the Python that has it, its own flags, and the time that a start may take.

A scenario says what the model is, the environment what the machine is: none of this is part of a model's identity.
"""

import os
import shlex
import sys
from importlib.util import find_spec
from pathlib import Path

from agentlab.errors import ScenarioError

FOLDER = ".venv-vllm"
PYTHON, FLAGS, SECONDS = "AGENTLAB_VLLM_PYTHON", "AGENTLAB_VLLM_FLAGS", "AGENTLAB_VLLM_START_SECONDS"
START_SECONDS = 1800.0
"""Enough for a large model to be loaded from a slow disk."""
LINES = f"python3 -m venv {FOLDER} && {FOLDER}/bin/pip install vllm"


def python() -> Path:
    """The interpreter that the variable AGENTLAB_VLLM_PYTHON names; else that of `.venv-vllm` in the working folder,
    beside the environment agentlab runs in, or beside agentlab itself; else agentlab's own, if it has vLLM.

    Raises ScenarioError with the lines to type when there is none.
    """
    if named := os.environ.get(PYTHON):
        path = Path(named).expanduser()
        if path.is_dir() or not os.access(path, os.X_OK):
            raise ScenarioError(f"{path} cannot be run; correct the environment variable {PYTHON}")
        return path.absolute()
    homes = (Path.cwd(), Path(sys.prefix).parent, Path(__file__).parents[3])
    for home in homes:
        path = home / FOLDER / "bin" / "python"
        if os.access(path, os.X_OK):
            return path
    if find_spec("vllm"):
        return Path(sys.executable)
    looked = ", ".join(dict.fromkeys(map(str, homes)))
    raise ScenarioError(
        f"agentlab needs a Python that has vLLM to start it, and there is no {FOLDER} in {looked}; make it with "
        f"`{LINES}`, or name another Python in the environment variable {PYTHON}"
    )


def flags() -> list[str]:
    """vLLM's flags for this machine. Raises ScenarioError."""
    try:
        return shlex.split(os.environ.get(FLAGS, ""))
    except ValueError as error:
        raise ScenarioError(f"{FLAGS}: {error}; write it as in a shell: --tensor-parallel-size 2") from error


def start_seconds() -> float:
    """How long a start may take. Raises ScenarioError."""
    seconds_text = os.environ.get(SECONDS, "").strip()
    try:
        seconds = float(seconds_text) if seconds_text else START_SECONDS
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ScenarioError(f"{SECONDS} is {seconds_text!r}; write a number of seconds, such as 600")
    return seconds
