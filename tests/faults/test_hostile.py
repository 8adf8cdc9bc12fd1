"""Hostile programs in the sandbox: each ends as a result, nothing of it is left, and none finds a secret."""

import asyncio
import os
import re
import time
from pathlib import Path

import pytest

from agentlab.errors import SandboxError
from agentlab.tools.sandbox.backend import Sandbox
from agentlab.tools.sandbox.detect import sandbox
from agentlab.tools.sandbox.ended import MB, Ended, Limits
from agentlab.tools.sandbox.run import run
from tests.support.hostile import PROGRAMS, SEARCH, SECRET

pytestmark = pytest.mark.process
LIMITS = Limits(seconds=4, memory=300 * MB, flood=8 * MB)
QUICK = ("forges an answer", "open files", "writes over the system")


@pytest.fixture(scope="module")
def box() -> Sandbox:
    try:
        return asyncio.run(sandbox())
    except SandboxError as error:
        pytest.skip(str(error))


def ended(box: Sandbox, code: str) -> Ended:
    if code.startswith("sh:"):
        return asyncio.run(run(box, ["sh", "-c", code[3:]], {}, LIMITS))
    return asyncio.run(run(box, ["python3", "hostile.py"], {"hostile.py": code.encode()}, LIMITS))


def inside() -> set[str]:
    """Processes of sandboxes: those with process ids of their own."""
    found = set[str]()
    for path in Path("/proc").glob("[0-9]*/status"):
        try:
            ids = re.search(r"^NSpid:(.*)$", path.read_text(), re.MULTILINE)
        except OSError:
            continue
        if ids and len(ids[1].split()) > 1:
            found.add(path.parent.name)
    return found


def mounts() -> list[str]:
    return [line for line in Path("/proc/self/mounts").read_text().splitlines() if "/newroot" in line]


def files() -> set[str]:
    return {name for name in os.listdir("/tmp") if name.startswith("agentlab-")}


@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in PROGRAMS])
def test_a_hostile_program_ends_as_a_result_and_nothing_is_left(box: Sandbox, name: str) -> None:
    processes, before = inside(), files()
    end = ended(box, PROGRAMS[name])
    assert end.why != "broken", end.fault
    assert "ESCAPED" not in end.output
    assert len(end.output) <= LIMITS.output + 100
    assert end.peak < 2048 * MB
    assert sum(map(len, end.files.values())) <= LIMITS.workspace + LIMITS.file
    left, tries = inside() - processes, 100
    while left and tries:  # other tests have sandboxes of their own, which end
        time.sleep(0.1)
        left, tries = left & inside(), tries - 1
    assert not left
    assert not mounts()
    assert files() <= before


def test_planted_secrets_are_found_by_no_program(box: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", SECRET)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.txt").write_text(SECRET)
    with (tmp_path / "secret.txt").open() as planted:
        os.set_inheritable(planted.fileno(), True)
        end = ended(box, SEARCH)
    assert end.output == "nothing [] True\n"
