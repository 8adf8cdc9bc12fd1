"""A scenario names parts of one's own: only those of its own folder or the working folder, and none by a mere look."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.command import Commands
from tests.support.scenarios import chain, scenario

pytestmark = pytest.mark.usefixtures("workdir")

POPEN = {"args": "touch harmed", "shell": True}
OURS = """
from pathlib import Path
from subprocess import Popen

from agentlab.interfaces import Model
from agentlab.types import Capabilities, Completion

Path("imported").touch()


class Mine:
    name = "mine"
    capabilities = Capabilities(frozenset({"max_tokens"}))

    def __init__(self) -> None:
        Path("built").touch()

    async def complete(self, request):
        return Completion("Hello.")
"""
READING = [("check", "s.yaml"), ("show", "s.yaml"), ("plan", "s.yaml")]
ENDING = [*READING, ("run", "s.yaml", "--out", "run")]


def write(**parts: Any) -> None:
    Path("s.yaml").write_text(scenario("s", **parts))


@pytest.mark.parametrize("command", ENDING)
@pytest.mark.parametrize(
    "parts",
    [
        {"models": {"default": {"name": "subprocess:Popen", "options": POPEN}}},
        {"models": {"default": {"name": "sim/subprocess:Popen", "options": POPEN}}},
        {"judges": {"bad": {"kind": "subprocess:Popen", **POPEN}}},
        {"organization": {**chain(["me"]), "protocol": {"kind": "subprocess:Popen", **POPEN}}},
        {"organization": {**chain(["me"]), "agents": {"me": {"tools": ["os:system"]}}}},
        {"models": {"default": {"name": "ours:Popen", "options": POPEN}}},
        {"judges": {"bad": {"kind": "ours:Popen", **POPEN}}},
    ],
)
def test_a_scenario_reaches_nothing_that_merely_is_installed(
    commands: Commands, command: tuple[str, ...], parts: dict[str, Any]
) -> None:
    Path("ours.py").write_text(OURS)
    write(**parts)
    ended = commands.agentlab(*command)
    assert ended.code == 2, ended.said
    assert "of your own" in ended.err
    assert not Path("harmed").exists()


@pytest.mark.parametrize("command", READING)
def test_a_command_that_only_reads_builds_no_model(commands: Commands, command: tuple[str, ...]) -> None:
    Path("ours.py").write_text(OURS)
    write(models={"default": {"name": "ours:Mine"}, "judge": {"name": "sim/replies"}})
    assert commands.agentlab(*command).code == 0
    assert not Path("built").exists()


def test_run_says_which_modules_of_ones_own_it_uses(commands: Commands) -> None:
    Path("ours.py").write_text("from helper import *\n" + OURS)
    Path("helper.py").write_text("")
    write(models={"default": {"name": "ours:Mine"}, "judge": {"name": "sim/replies"}})
    ended = commands.agentlab("run", "s.yaml", "--out", "run")
    assert ended.code == 0, ended.said
    assert "Code of your own: helper, ours" in ended.err
    assert Path("built").exists()


def test_a_file_with_the_name_of_another_module_is_to_be_renamed(commands: Commands) -> None:
    Path("json.py").write_text(OURS)
    write(models={"default": {"name": "json:Mine"}})
    ended = commands.agentlab("check", "s.yaml")
    assert ended.code == 2
    assert "rename your file" in ended.err


def test_settings_that_a_built_model_does_not_take_are_told_before_the_first_call(commands: Commands) -> None:
    """What its class does not declare is known only once it is built."""
    declared = "        self.capabilities = Capabilities(frozenset())\n        Path"
    Path("ours.py").write_text(
        OURS.replace('    capabilities = Capabilities(frozenset({"max_tokens"}))\n', "").replace(
            "        Path", declared, 1
        )
    )
    write(models={"default": {"name": "ours:Mine", "temperature": 1}, "judge": {"name": "sim/replies"}})
    ended = commands.agentlab("run", "s.yaml", "--out", "run")
    assert ended.code == 2
    assert "does not support temperature" in ended.err


def test_a_preregistration_holds_the_modules_that_the_scenario_names(commands: Commands) -> None:
    Path("ours.py").write_text(OURS)
    write(models={"default": {"name": "ours:Mine"}, "judge": {"name": "sim/replies"}})
    assert commands.agentlab("plan", "s.yaml", "--preregister", "decided.yaml").code == 0
    Path("ours.py").write_text(OURS.replace("Hello", "Bye"))
    ended = commands.agentlab("run", "s.yaml", "--preregistered", "decided.yaml", "--out", "run")
    assert ended.code == 3
    assert "modules.ours: was" in ended.err
