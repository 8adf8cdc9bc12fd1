"""A training ends with the process that started it, however that one ends."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import ROOT
from tests.support.trainers import await_that, is_alive

PARENT = """
import asyncio, sys
from pathlib import Path
from agentlab.training.trainers import process
folder = Path(sys.argv[1])
child = "import os, sys, time; open(sys.argv[1], 'w').write(f'{os.getpid()} {os.getppid()}'); time.sleep(600)"
asyncio.run(process.run([sys.executable, "-S", "-c", child, str(folder / "pids")], folder, print))
"""


@pytest.mark.process
def test_a_killed_command_leaves_no_training_behind(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], cwd=ROOT)
    pids = tmp_path / "pids"
    await_that(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    training = [int(pid) for pid in pids.read_text().split()]
    assert all(map(is_alive, training))
    parent.kill()
    parent.wait()
    await_that(lambda: not any(map(is_alive, training)))
