"""Runs `agentlab` in processes of their own, each forked from one that has imported everything already.

`python -m tests.support.command` is that process: it reads jobs as lines of JSON and answers with pids and exit codes.
"""

import gc
import importlib
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
PRELOADED = (
    "agentlab_cli.main",
    "agentlab_cli.options",
    "agentlab_cli.resampled",
    "agentlab_cli.work",
    "agentlab_cli.excerpt",
    "agentlab_cli.table",
    "agentlab.analysis.excerpt",
    "agentlab.models.providers.openai",
    "agentlab.models.serve",
    "agentlab.models.simulated.sim",
    "agentlab.experiment.judging.added",
    "agentlab.judges.match",
    "agentlab.organization.protocols.board",
    "agentlab.organization.protocols.cascade",
    "agentlab.report.show",
    "anyio._backends._asyncio",
    "encodings.utf_8_sig",
    "httpcore2",
    "pandas.core.methods.to_dict",
    "pyarrow.pandas_compat",
    "rich._emoji_codes",
)
"""What nearly every command imports, at once or when it first needs it."""
PENDING = re.compile(r"^(?:Sig|Shd)Pnd:\s*(\w+)", re.M)
"""The signals that wait, as masks, in what Linux tells of a process."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that has ended. `code` is its exit code, or minus the signal that killed it."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err


@dataclass(frozen=True, slots=True)
class Running:
    """A process that may still run."""

    host: "Commands"
    pid: int
    out: Path
    err: Path

    def send(self, what: signal.Signals) -> None:
        os.kill(self.pid, what)

    def interrupt(self, what: signal.Signals = signal.SIGINT) -> None:
        """Sends Ctrl-C, or another, and waits until it has been taken, since two that wait to be taken are one."""
        self.send(what)
        status, taken = Path(f"/proc/{self.pid}/status"), 1 << (what - 1)
        while status.exists() and any(int(mask, 16) & taken for mask in PENDING.findall(status.read_text())):
            time.sleep(0.005)
        if not status.exists():  # no Linux
            time.sleep(1)

    def end(self) -> Ended:
        """Waits for its end."""
        code = self.host.ask({"wait": self.pid})
        return Ended(code, self.out.read_text(errors="replace"), self.err.read_text(errors="replace"))

    def kill(self) -> Ended:
        """Ends it as `kill -9` does."""
        self.send(signal.SIGKILL)
        return self.end()


class Commands:
    """Starts commands while the block lasts; `agentlab` waits for one, `start` does not."""

    def __init__(self, scratch: Path) -> None:
        self._scratch, self._count = scratch, 0
        own = [sys.executable, "-W", "error", "-m", "tests.support.command"]
        self._host = subprocess.Popen(own, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._host.communicate()

    def start(
        self,
        *argv: str | Path,
        env: Mapping[str, str] | None = None,
        patch: Mapping[str, Any] | None = None,
        file_size: int | None = None,
        nobody: bool = False,
    ) -> Running:
        """Starts `agentlab ARGV` in the working directory. `patch` replaces values, as `module:NAME`; no file that it
        writes may grow beyond `file_size` bytes; `nobody` takes root's rights away, so that permissions count."""
        self._count += 1
        out, err = (self._scratch / f"{self._count}.{stream}" for stream in ("out", "err"))
        job = {
            "argv": [str(word) for word in argv],
            "cwd": str(Path.cwd()),
            "env": dict(env or {}),
            "patch": {"agentlab.models.retry:FIRST_WAIT": 0.01, "agentlab.models.limits:REST": 0.01, **(patch or {})},
            "file_size": file_size,
            "nobody": nobody and os.geteuid() == 0,
            "out": str(out),
            "err": str(err),
        }
        return Running(self, self.ask(job), out, err)

    def agentlab(self, *argv: str | Path, **how: Any) -> Ended:
        return self.start(*argv, **how).end()

    def ask(self, job: Mapping[str, Any]) -> int:
        assert self._host.stdin is not None
        assert self._host.stdout is not None
        self._host.stdin.write(json.dumps(job) + "\n")
        self._host.stdin.flush()
        return int(self._host.stdout.readline())


def host() -> None:
    """Reads jobs until there are no more."""
    for name in PRELOADED:
        importlib.import_module(name)
    importlib.import_module("agentlab.scenario.loading").load(
        "consultancy"
    )  # imports its parts, and builds their validators
    commands: Any = importlib.import_module("agentlab_cli.commands")
    commands.application(commands.COMMANDS)  # imports every command
    connections = importlib.import_module("agentlab.models.providers.connections")
    connections.opener("http://127.0.0.1")  # which reads the certificates, once for all children
    gc.collect()
    gc.freeze()  # else every child looks through what is imported here, and copies it
    for line in sys.stdin:
        job: dict[str, Any] = json.loads(line)
        if "wait" in job:
            print(os.waitstatus_to_exitcode(os.waitpid(job["wait"], 0)[1]), flush=True)
        elif pid := os.fork():
            print(pid, flush=True)
        else:
            child(job)


def child(job: Mapping[str, Any]) -> None:
    """One command, to its end."""
    for descriptor, path in ((0, os.devnull), (1, job["out"]), (2, job["err"])):
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.dup2(file, descriptor)
        os.close(file)
    os.chdir(job["cwd"])
    os.environ.update(job["env"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for place, value in job["patch"].items():
        module, _, name = place.partition(":")
        setattr(importlib.import_module(module), name, value)
    if job["file_size"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (job["file_size"], resource.RLIM_INFINITY))
    if job["nobody"]:
        os.setuid(65534)
    importlib.import_module("agentlab.own_code").allow(ROOT)  # for scenarios that name parts defined in tests
    sys.argv = ["agentlab", *job["argv"]]
    code: Any = 1
    try:
        importlib.import_module("agentlab_cli.main").main()
        code = 0
    except SystemExit as end:
        code = end.code
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    from tests.support.loopback import refuse_the_world

    refuse_the_world(setattr)
    host()
