"""The command line by itself: its help, its exit codes, what it completes, and what it prints for programs."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from agentlab_cli.main import app
from typer.testing import CliRunner, Result

from tests.support.firm import BASE

ROOT: Any = typer.main.get_command(app)


def commands(group: Any = ROOT, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that does something, by the words that call it."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(commands())


def call(*words: str) -> Result:
    return CliRunner().invoke(app, [*words])


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_a_short_help_with_its_exit_codes(words: tuple[str, ...]) -> None:
    done = call(*words, "-h")
    assert done.exit_code == 0
    assert "Exit codes: 0 done" in done.output
    assert ("130" in done.output) == (words[0] in ("run", "train", "judge", "resample"))


@pytest.mark.parametrize("command", ["run", "train", "check", "plan"])
def test_the_help_cuts_no_example_at_80_columns(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert "models.default.temperature=0" in call(command, "-h").output


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_option_says_what_it_does(words: tuple[str, ...]) -> None:
    for parameter in (one for one in COMMANDS[words].params if one.param_type_name == "option"):
        told = getattr(parameter, "help", None)
        assert told, parameter.name
        assert re.match(r"[A-Z0-9]", told), told
        assert told.endswith((".", "]", "@FILE", ")")) or ": " in told, told


def test_every_command_is_in_a_panel() -> None:
    assert [name for name, command in ROOT.commands.items() if not isinstance(command.rich_help_panel, str)] == []


def test_alone_it_says_how_to_start() -> None:
    done = call()
    assert done.exit_code == 0
    for words in ("agentlab new", "agentlab run quickstart", "agentlab --help"):
        assert words in done.stdout
    assert re.match(r"agentlab \S+, Python \d\.\d+\.\d+, \S+", call("--version").stdout)


def test_a_wrong_word_names_the_nearest() -> None:
    assert "'run'" in call("rnu").output
    assert call("rnu").exit_code == 2
    assert "--model" in call("run", "x", "--modle", "y").output


def test_names_are_completed(workdir: Path) -> None:
    Path("s.yaml").write_text(BASE, encoding="utf-8")
    Path("runs/one").mkdir(parents=True)
    Path("runs/one/run.db").touch()
    parameters = {p.name: p for p in COMMANDS["run",].params}

    def completed(parameter: Any, scenario: str, text: str) -> list[str]:
        context = typer.Context(COMMANDS["run",], info_name="run")
        context.params["scenario"] = scenario
        return [item.value for item in parameter.shell_complete(context, text)]

    assert completed(parameters["scenario"], "", "s.") == ["s.yaml"]
    assert completed(parameters["scenario"], "", "quick") == ["quickstart"]
    assert completed(parameters["only"], "s.yaml", "team=f") == ["team=firm"]
    assert completed(parameters["tasks"], "s.yaml", "") == ["loan"]
    assert completed(parameters["tasks"], "nothing.yaml", "") == []
    runs = next(p for p in COMMANDS["report",].params if p.name == "run")
    assert completed(runs, "", "o") == ["one"]


def test_programs_get_json_without_nan_or_nothing(workdir: Path) -> None:
    Path("s.yaml").write_text(BASE.replace("{name: sim/chatter}", "{name: vllm/x, base_url: http://h}"), "utf-8")
    plan = json.loads(call("plan", "s.yaml", "--json").stdout, parse_constant=pytest.fail)
    assert plan["total"]["cost"] is None
    assert plan["rollouts"] == 4
    checked = json.loads(call("check", "s.yaml", "--json").stdout)
    assert (checked["tasks"], checked["draws"]) == (["loan"], 2)
    assert call("check", "s.yaml", "--quiet").output == ""
    assert call("new", "mine", "-q").output == ""
    shown = json.loads(call("show", "s.yaml", "--json", "--set", "draws=3").stdout)
    assert (shown["document"]["draws"], shown["options"]) == (3, ["--set draws=3"])


@pytest.mark.parametrize("name", ["no", "1", "a b", "sub/", "-x"])
def test_a_new_scenario_has_a_name_that_needs_no_quotes(workdir: Path, name: str) -> None:
    done = call("new", "--", name)
    assert done.exit_code != 0
    assert list(Path().iterdir()) == []


def test_a_new_scenario_is_never_written_over_another(workdir: Path) -> None:
    assert call("new", "mine.yaml").exit_code == 0
    assert call("check", "mine.yaml", "-q").exit_code == 0
    assert call("check", "mine", "-q").exit_code == 0
    assert "already exists" in str(call("new", "mine").exception)
