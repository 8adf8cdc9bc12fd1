"""For every test: no socket beyond this machine, no key in the environment, and no time limit on generated examples."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.command import Commands
from tests.support.loopback import refuse_the_world

settings.register_profile("agentlab", deadline=None)
settings.load_profile("agentlab")


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes keys and proxies out of the environment and refuses every address but loopback."""
    for name in list(os.environ):
        if name.upper().endswith(("_API_KEY", "_PROXY")):
            monkeypatch.delenv(name)
    refuse_the_world(monkeypatch.setattr)


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
