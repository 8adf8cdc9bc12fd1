"""The folder of a run has a name that means to steer the terminal."""

import asyncio
from pathlib import Path

from agentlab_cli.main import app
from typer.testing import CliRunner

from tests.support.tried import play

NAME = "\x1b[2Jred"


def test_show_and_list_print_no_escape(workdir: Path) -> None:
    asyncio.run(play(workdir, 1))
    (workdir / "runs").mkdir(exist_ok=True)
    Path("run").rename(workdir / "runs" / NAME)
    for command in (["show", f"runs/{NAME}"], ["list"]):
        told = CliRunner().invoke(app, command)
        assert "␛[2Jred" in told.output, told.output
        assert "\x1b" not in told.output
