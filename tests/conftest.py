"""For every test: no socket beyond this machine, no key in the environment, no time limit on generated examples, and no
other process without the mark `process`."""

import gc
import importlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from agentlab import own_code
from tests.support.command import ROOT, Commands
from tests.support.loopback import refuse_the_world

for name in ("COLUMNS", "LINES"):  # readline sets them in the process that starts the workers
    os.environ.pop(name, None)
# Tests send these to processes of their own, which would not hear them: `nohup` and a script's `&` leave them ignored.
for number, usual in ((signal.SIGHUP, signal.SIG_DFL), (signal.SIGINT, signal.default_int_handler)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)
settings.register_profile("agentlab", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=50)
settings.register_profile("thorough", settings.get_profile("agentlab"), max_examples=200)
settings.load_profile("agentlab")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what `make test-fast` leaves out: whatever uses the `commands` fixture or the embedded model."""
    for item in items:
        if "commands" in getattr(item, "fixturenames", ()) or item.get_closest_marker("local"):
            item.add_marker(pytest.mark.process)


def pytest_collection_finish() -> None:
    """What is imported stays: every later collection of garbage would look through it anew.

    The list of fonts, which a new machine makes once, comes from another process: it is made before any test.
    """
    importlib.import_module("matplotlib.font_manager")
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def alone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes keys and proxies out of the environment, and refuses every address but loopback and unmarked processes."""
    own_code.allow(ROOT)  # for scenarios that name parts defined in tests
    for name in list(os.environ):
        if name.upper().endswith(("_API_KEY", "_PROXY")):
            monkeypatch.delenv(name)
    refuse_the_world(monkeypatch.setattr)
    if request.node.get_closest_marker("process") is None:
        monkeypatch.setattr(subprocess.Popen, "__init__", start_nothing)
        monkeypatch.setattr(os, "fork", start_nothing)


def start_nothing(*args: Any, **named: Any) -> None:
    raise AssertionError(f"a test starts a process and lacks `@pytest.mark.process`: {args}")


@pytest.fixture
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """Starts `agentlab` in processes of their own."""
    with Commands(tmp_path_factory.mktemp("commands")) as found:
        yield found
