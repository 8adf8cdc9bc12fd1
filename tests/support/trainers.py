"""Jobs for trainers, and programs that stand for a training."""

import json
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from agentlab.training.trainer import TrainingJob

ROW = {"messages": [{"role": "user", "content": "Sky?"}, {"role": "assistant", "content": "Blue."}]}


def job(folder: Path, base: str = "sim/replies", **settings: Any) -> TrainingJob:
    """A job of one row."""
    rows = folder / "rows.jsonl"
    rows.write_text(json.dumps(ROW) + "\n", encoding="utf-8")
    return TrainingJob(folder, base, {}, rows, 7, settings)


def program(folder: Path, text: str) -> str:
    """A command that runs this Python text; `out` in it is the first argument, a folder."""
    script = folder / "program.py"
    head = "import json, os, signal, sys, time\nfrom pathlib import Path\nout = Path(sys.argv[1])\n"
    script.write_text(head + text, encoding="utf-8")
    return f"{shlex.quote(sys.executable)} -S {shlex.quote(str(script))} {{out}} {{seed}}"


def leaves(told: Mapping[str, Any]) -> str:
    """The text that ends a training with this `done.json`."""
    return f"(out / 'done.json').write_text(json.dumps({dict(told)!r}))\n"


def await_that(true: Callable[[], bool], seconds: float = 30) -> None:
    """Returns when it is true. Fails after so many seconds."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not become true"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether there is a process of this id that has not ended."""
    try:
        os.kill(pid, signal.SIG_DFL)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
