"""A program in a process of its own that ends with this one, however that ends; what it prints goes to a file."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agentlab.errors import EngineError
from agentlab.processes import supervise
from agentlab.text import last_lines

GRACE = 10.0
"""Seconds between SIGTERM and SIGKILL: vLLM removes its shared memory."""
LINES = 12
"""Lines at the end of a log that are told."""
SECRET = "_API_KEY"
"""Ends the names of variables that no engine gets."""
OURS = ("PYTHONPATH", "PYTHONHOME")
"""Variables that are about agentlab's interpreter, while the engine has its own."""
DEFAULTS: Mapping[str, str] = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "PYTHONUNBUFFERED": "1"}


@dataclass(slots=True)
class EngineProcess:
    """The program and all it started."""

    process: asyncio.subprocess.Process
    log: Path
    began: int
    """Bytes of the log when it was started."""

    @classmethod
    async def start(cls, command: Sequence[str], log: Path) -> "EngineProcess":
        """Raises EngineError where the log cannot be written."""
        grace = (supervise.GRACE, str(GRACE))
        inherited = {
            name: value for name, value in os.environ.items() if not name.endswith(SECRET) and name not in OURS
        }
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("ab") as file:
                began = file.tell()
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, supervise.__file__, *grace, *command),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=file,
                    stderr=file,
                    env={**DEFAULTS, **inherited},
                    start_new_session=True,
                )
        except OSError as error:
            raise EngineError(f"{command[0]} cannot be started with its log in {log}: {error.strerror}") from error
        return cls(process, log, began)

    @property
    def alive(self) -> bool:
        return self.process.returncode is None

    async def ended(self) -> int:
        """Waits for its end. The exit code; 128 + n where signal n ended it."""
        code = await self.process.wait()
        self._signal(signal.SIGKILL)  # what it started may still be there
        await self._close()
        return code if code >= 0 else 128 - code

    async def stop(self) -> None:
        """Ends it and all it started."""
        self._signal(signal.SIGTERM)
        with suppress(TimeoutError):
            await asyncio.wait_for(self.process.wait(), GRACE)
        self._signal(signal.SIGKILL)
        await self.process.wait()
        await self._close()

    def said(self) -> str:
        """The last lines that it printed, each indented."""
        try:
            with self.log.open("rb") as file:
                lines = last_lines(file, self.began)
        except OSError as error:
            return f"    (its log cannot be read: {error.strerror})"
        return "\n".join(f"    {row}" for row in lines[-LINES:]) or "    (it printed nothing)"

    async def _close(self) -> None:
        """Closes the pipe, which would be left to the garbage collector."""
        if self.process.stdin is not None:
            self.process.stdin.close()
            with suppress(OSError):
                await self.process.stdin.wait_closed()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)
