"""Runs one training in a process of its own, in the job's folder, and says in one sentence why it failed.

A process has succeeded when it ends with code 0 and leaves `done.json`. It may write `metrics.jsonl`, one line for each
step: `{"step": 3, "steps": 12, "loss": 0.41}`. What it prints is kept in `train.log`.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from agentlab.errors import TrainingError
from agentlab.processes import supervise
from agentlab.text import last_lines
from agentlab.training.trainer import TrainingStep

CHILD = Path(__file__).parents[1] / "child"
"""The folder of the scripts that run as files."""
DONE, METRICS, LOG = "done.json", "metrics.jsonl", "train.log"
POLL = 0.25
"""Seconds between two looks at what the process wrote."""
QUIET: Mapping[str, str] = {"OMP_WAIT_POLICY": "passive", "PYTHONUNBUFFERED": "1"}
"""OpenMP's threads spin while they wait, unless told otherwise; beside other work, that makes training three times as
long."""


async def run(command: Sequence[str], folder: Path, report: Callable[[TrainingStep], None]) -> Mapping[str, Any]:
    """What the process left in `done.json`.

    It ends with this process, however this one ends. Raises `TrainingError` for everything that can go wrong with it.
    """
    folder = folder.resolve()
    try:
        with (folder / LOG).open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, supervise.__file__, *command),
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={**QUIET, **os.environ},
                start_new_session=True,
            )
    except OSError as error:
        raise TrainingError(f"the training cannot be started in {folder}: {error.strerror}") from error
    ended = asyncio.create_task(process.wait())
    try:
        await _follow(ended, Metrics(folder / METRICS), report)
    finally:
        with suppress(ProcessLookupError):  # the group of the command, which may have left others behind
            os.killpg(process.pid, signal.SIGKILL)
        await ended
    if process.returncode:
        (folder / DONE).unlink(missing_ok=True)  # else the next command would take it for a success
        raise TrainingError(f"{_why(process.returncode, folder / LOG)} The log is {folder / LOG}")
    result = done(folder)
    if result is None:
        raise TrainingError(f"the training ended without {DONE} in {folder}. The log is {folder / LOG}")
    return result


def done(folder: Path) -> Mapping[str, Any] | None:
    """What a complete training left; None where there is none yet. Raises `TrainingError` where it is not readable."""
    path = folder / DONE
    try:
        result: Any = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path} cannot be read ({error}); remove {folder} to train again") from None
    if not isinstance(result, dict):
        raise TrainingError(f"{path} is not a JSON object; remove {folder} to train again")
    return cast("Mapping[str, Any]", result)


@dataclass(slots=True)
class Metrics:
    """The steps that a process reports in a file."""

    path: Path
    read: int = 0
    """Bytes that were looked at."""

    def new(self) -> list[TrainingStep]:
        """The steps of the lines that were added; of all lines where the file was begun anew. Other lines are left."""
        try:
            if self.path.stat().st_size < self.read:
                self.read = 0
            with self.path.open("rb") as file:
                file.seek(self.read)
                whole, newline, _ = file.read().rpartition(b"\n")
        except OSError:
            return []
        self.read += len(whole) + len(newline)
        return [step for text in whole.splitlines() if (step := _step(text)) is not None]


def _step(text: bytes) -> TrainingStep | None:
    try:
        fields: Any = json.loads(text)
        loss = fields.get("loss")
        return TrainingStep(int(fields["step"]), int(fields["steps"]), None if loss is None else float(loss))
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


async def _follow(ended: "asyncio.Task[int]", metrics: Metrics, report: Callable[[TrainingStep], None]) -> None:
    """Reports each step until the process has ended."""
    while True:
        await asyncio.wait([ended], timeout=POLL)
        for step in metrics.new():
            report(step)
        if ended.done():
            return


def _why(code: int, log: Path) -> str:
    number = -code if code < 0 else code - 128
    if number == signal.SIGKILL:
        return "the training was killed, most often because memory ran out; use a smaller batch or fewer tokens."
    if number > 0 and number in signal.valid_signals():
        return f"the training was ended by {signal.Signals(number).name}."
    return f"the training ended with exit code {code}: {_last_line(log)}."


def _last_line(log: Path) -> str:
    try:
        with log.open("rb") as file:
            lines = last_lines(file)
    except OSError as error:
        return f"its log cannot be read ({error.strerror})"
    return lines[-1].rstrip(".") if lines else "it printed nothing"
