"""Finds the Python that has torch: in an environment of its own, so that agentlab itself needs none of it."""

import os
import sys
from pathlib import Path

from agentlab.errors import TrainingError

FOLDER = ".venv-train"
VARIABLE = "AGENTLAB_TRAIN_PYTHON"
TORCH = "torch==2.13.0"
REQUIREMENTS = Path(__file__).parents[1] / "child" / "requirements.txt"


def python(named: str | None) -> Path:
    """The interpreter that `python` in `improve.by` names; else what the variable AGENTLAB_TRAIN_PYTHON names; else
    that of `.venv-train` in the working folder, beside the environment agentlab runs in, or beside agentlab itself.

    Raises `TrainingError` with the lines to type when there is none.
    """
    named = named or os.environ.get(VARIABLE)
    if named:
        path = Path(named).expanduser()
        if not os.access(path, os.X_OK):
            raise TrainingError(f"the Python for training, {path}, does not exist; correct `python` in improve.by")
        return path
    homes = (Path.cwd(), Path(sys.prefix).parent, Path(__file__).parents[3])
    for home in homes:
        path = home / FOLDER / "bin" / "python"
        if os.access(path, os.X_OK):
            return path
    looked = ", ".join(dict.fromkeys(map(str, homes)))
    pip = f"{FOLDER}/bin/pip install"
    raise TrainingError(
        f"training needs a separate environment, and there is no {FOLDER} in {looked}. Make it with "
        f"`make setup-train`, or with: python3 -m venv {FOLDER} && {pip} -r {REQUIREMENTS} && {pip} {TORCH}"
    )
