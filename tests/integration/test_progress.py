"""A command shows what it does: a display on a terminal, lines in a file, nothing when it is to be quiet."""

import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from agentlab_cli import facts, shown
from agentlab_cli.main import app
from rich.console import Console
from typer.testing import CliRunner, Result

from agentlab.errors import ModelError
from agentlab.experiment.progress import Progress
from agentlab.experiment.speed import Speed
from tests.support.command import Commands
from tests.support.firm import Change, design

pytestmark = pytest.mark.usefixtures("workdir")
JUDGE: Change = ("{name: sim/replies}", "{name: sim/chatter}")
SLOW: Change = ("default: {name: sim/chatter}", "default: {name: sim/chatter, options: {seconds: 0.05}}")


def _fails(progress: Progress) -> str:
    raise ZeroDivisionError


def run(*options: str) -> Result:
    return CliRunner().invoke(app, ["run", "s.yaml", "--out", "run", *options])


@pytest.mark.parametrize(("width", "height"), [(60, 20), (80, 24), (200, 60)])
def test_the_display_fits_the_terminal_and_shows_the_busiest_conditions(width: int, height: int) -> None:
    progress, speed = Progress(), Speed()
    progress.enter("sample and judge", place=(2, 2))
    groups = {f"team=firm of many words,pressure={'x' * i}": 100_000 for i in range(15)}
    progress.plan(groups)
    busy = [*groups][11]
    with progress.unit(busy, "a"), progress.waits.on("openai/gpt-5.2", ModelError("rate_limit", "later " * 40), 5, 90):
        speed.note(progress, 0.0)
        picture = shown.frame(progress, speed, 754.0, width, height)
        console = Console(width=width, height=height, file=io.StringIO(), force_terminal=True, color_system=None)
        with console.capture() as captured:
            console.print(picture)
    lines = captured.get().splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) <= height
    assert lines[0].startswith("sample and judge (2 of 2) ")
    told = "0 of 1,500,000 rollouts done, 1 running, 1,499,999 waiting, 0 failed"
    assert lines[1].rstrip() == (told if len(told) < width else f"{told[: width - 2]}…")
    row = next(line for line in lines if re.search(r" 0 +1 +99,999 +0$", line))
    assert row[:9] == busy[:9]
    assert any(re.match(r"and \d+ more: 0 done, 0 running, [\d,]+ waiting", line) for line in lines)
    assert any("will be retried" in line for line in lines)


def test_a_file_gets_a_line_at_each_change_of_phase_and_a_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown, "TICK", 0.01)
    judge = ("judge: {name: sim/replies}", "judge: {name: sim/chatter, options: {seconds: 0.05}}")
    design(judge, SLOW, ("criteria: {focus", "anchors: {a: {task: T, good: [G], bad: [B]}}\n    criteria: {focus"))
    told = run().stderr
    assert re.search(r"^judge anchors \(1 of 2\): ", told, re.M)
    assert re.search(r"^sample and judge \(2 of 2\): \d of 4 rollouts done, \d running, ", told, re.M)
    assert re.search(r"^  team=firm 0/2 \(2 running, 0 failed\) · team=solo 0/2 ", told, re.M)
    last = told.splitlines()[-1]
    assert last.startswith("sample and judge (2 of 2): 4 of 4 rollouts done, 0 running, 0 waiting, 0 failed · ")


def test_the_cost_of_the_last_line_says_where_earlier_commands_are_in_it() -> None:
    design(JUDGE, ("{name: sim/chatter}", "{name: sim/chatter, price: {input: 1, output: 1}}"))
    first, more = (run("--draws", draws).stderr.splitlines()[-1] for draws in ("1", "2"))
    assert re.search(r"tokens · [\d.]+ USD$", first)
    assert re.search(r"tokens · [\d.]+ USD, earlier commands included$", more)


def test_a_display_that_fails_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown, "TICK", 0.0)
    monkeypatch.setattr(facts, "counted", _fails)
    design(JUDGE, SLOW)
    ended = run()
    assert ended.exit_code == 0
    assert "The progress display failed (ZeroDivisionError" in ended.stderr
    assert "Next: agentlab show run" in ended.stdout


def test_programs_get_one_object_or_nothing() -> None:
    design(JUDGE)
    ended = run("--json")
    assert {arm["condition"] for arm in json.loads(ended.stdout)["arms"]} == {"team=firm", "team=solo"}
    assert (run("--quiet").output, run("--quiet").exit_code) == ("", 0)


def test_what_a_new_folder_holds_is_gone_on_with_there(commands: Commands) -> None:
    design(JUDGE, ("{rollout: {tokens: 200k}}", "{run: {tokens: 4}}"))
    for folder in ("runs/firm", "runs/firm-2"):
        ended = commands.agentlab("run", "s.yaml", "--new", "--concurrency", "1")
        assert ended.code == 4
        assert f"continue with: agentlab run s.yaml --concurrency 1 --out {folder}\n" in ended.err


@pytest.mark.process
def test_ctrl_c_gives_the_terminal_back_and_leaves_the_last_state() -> None:
    """Far more rollouts are left than a busy machine plays before the signal arrives."""
    slow = ("default: {name: sim/chatter}", "default: {name: sim/chatter, options: {seconds: 0.3}}")
    design(JUDGE, slow, ("draws: 2", "draws: 100"))
    main, terminal = pty.openpty()
    command = [sys.executable, "-c", "from agentlab_cli.main import main; main()", "run", "s.yaml"]
    command += ["--concurrency", "4"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
    environment.pop("NO_COLOR", None)
    with subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, env=environment) as process:
        os.close(terminal)
        said = b""
        while b"4 running" not in said:
            said += os.read(main, 4096)
        process.send_signal(signal.SIGINT)
        said += _rest(main)
    assert process.returncode == 130
    text = said.decode()
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l"), "the cursor is shown again"
    after = text[text.rindex("\x1b[?25h") :]
    assert "rollouts done, 0 running, " in after
    assert "Stopped; everything committed is kept." in after
    assert Path("runs/firm/run.db").exists()


def _rest(terminal: int) -> bytes:
    """All that is still written, until the other side is closed."""
    said = b""
    try:
        while part := os.read(terminal, 65536):
            said += part
    except OSError:  # how Linux tells the end
        pass
    os.close(terminal)
    return said
