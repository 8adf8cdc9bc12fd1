"""Runs that are killed, interrupted or started twice go on where they stopped."""

import asyncio
import random
import shlex
import signal
import time
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pandas as pd
import pytest
from agentlab_cli.main import main
from agentlab_cli.work import work
from rich.console import Console

from agentlab.experiment import session
from agentlab.experiment.progress import Progress
from agentlab.experiment.specs import Selection
from agentlab.experiment.work import opened
from agentlab.runs.frames import load
from agentlab.scenario.loading import load as load_scenario
from tests.support.command import Commands
from tests.support.kills import AT_ONCE, PHASES, killed_in_every_phase
from tests.support.loopback import Answer, Body, Loopback, healthy, slow
from tests.support.rig import answered, assert_equal, rows, tables, write
from tests.support.scenarios import scenario

pytestmark = pytest.mark.usefixtures("workdir")


Tables = dict[str, pd.DataFrame]


def never(body: Body, before: int) -> Answer:
    return Answer(act="hang")


@pytest.fixture(scope="module")
def undisturbed(commands: Commands, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Loopback, Tables]]:
    """A server, whose address is part of what a run is, and the tables of a run that nobody disturbed."""
    with Loopback() as server:
        with chdir(tmp_path_factory.mktemp("whole")):
            assert commands.agentlab("run", write(server), "--out", "whole").code == 0
            whole = tables("whole")
        yield server, whole


@pytest.fixture
def server(undisturbed: tuple[Loopback, Tables]) -> Loopback:
    """The same server, healthy and asked nothing yet."""
    found = undisturbed[0]
    found.script = healthy
    found.go_on()
    found.settle()
    found.seen.clear()
    return found


@pytest.fixture
def whole(undisturbed: tuple[Loopback, Tables]) -> Tables:
    return undisturbed[1]


def test_a_kill_in_each_phase_changes_nothing_and_repeats_only_what_was_in_flight(
    commands: Commands, workdir: Path
) -> None:
    with Loopback(slow) as server:
        kills = killed_in_every_phase(commands, server, workdir / "copy", each=1, draws=3)
        assert set(kills.by_phase) == set(PHASES)
        assert kills.identical
        assert kills.again == 0, "a stored call was made again"
        assert kills.repeated == kills.in_flight
        assert kills.most <= AT_ONCE * 3
        seen = len(server.seen)
        assert commands.agentlab("run", "s.yaml", "--out", "cut").code == 0
        assert len(server.seen) == seen


@pytest.mark.slow
def test_kills_of_a_run_that_sends_from_other_processes_repeat_only_what_was_in_flight(
    commands: Commands, workdir: Path
) -> None:
    with Loopback(slow) as server:
        spread = ("tries: 1,", "tries: 1, processes: 2,")
        kills = killed_in_every_phase(commands, server, workdir / "copy", 2, 3, spread)
        assert kills.identical
        assert kills.again == 0, "a stored call was made again"
        assert kills.repeated == kills.in_flight
        assert kills.most <= AT_ONCE * 3


def test_a_second_process_is_refused_with_the_pid_of_the_first_until_that_is_killed(
    commands: Commands, server: Loopback, whole: Tables
) -> None:
    scenario = write(server)
    server.pause(0)
    first = commands.start("run", scenario, "--out", "run")
    assert server.wait(1)
    for command in (("run", scenario, "--out", "run"), ("judge", "run", "--with", "final_number")):
        second = commands.agentlab(*command)
        assert second.code == 3
        assert f"process {first.pid} is using this run" in second.err
    assert len(server.distinct) == len(server.seen)
    first.kill()
    server.go_on()
    assert commands.agentlab("run", scenario, "--out", "run").code == 0
    assert_equal(tables("run"), whole)


@pytest.mark.parametrize("moment", [1, 12, 30])
def test_the_first_interrupt_stores_what_is_in_flight_and_says_how_to_go_on(
    commands: Commands, moment: int, server: Loopback, whole: Tables
) -> None:
    scenario = write(server)
    server.pause(moment - 1)
    running = commands.start("run", scenario, "--out", "run")
    assert server.wait(moment)
    running.interrupt()
    server.go_on()
    ended = running.end()
    assert ended.code == 130
    assert f"To continue: agentlab run {scenario} --out run" in ended.err
    assert "Traceback" not in ended.said
    sent = len(server.seen)
    assert sent <= moment - 1 + 8  # what was answered, and what was in flight when the signal came
    assert {one.id for one in server.seen} == {id for (id,) in rows("run", "SELECT request_id FROM calls")}

    assert commands.agentlab("run", scenario, "--out", "run").code == 0
    assert len(server.seen) == len(server.distinct) > sent
    assert_equal(tables("run"), whole)


def test_the_second_interrupt_waits_for_nobody(commands: Commands, server: Loopback, whole: Tables) -> None:
    server.script = never
    scenario = write(server)
    running = commands.start("run", scenario, "--out", "run")
    assert server.wait(1)
    running.interrupt()
    running.interrupt()
    ended = running.end()
    assert ended.code == 130
    assert "Traceback" not in ended.said
    server.script = healthy
    assert commands.agentlab("run", scenario, "--out", "run").code == 0
    assert_equal(tables("run"), whole)


SLOW = """
import pathlib, time
pathlib.Path("begun").touch()
time.sleep(600)
"""
"""A module whose import takes long."""


@pytest.mark.parametrize("command", ["run", "train"])
def test_an_interrupt_before_the_run_begins_says_that_nothing_was_made(
    commands: Commands, command: str, workdir: Path
) -> None:
    Path("slowly.py").write_text(SLOW)
    Path("s.yaml").write_text(scenario("s", organization={"agents": {"me": {}}, "protocol": {"kind": "slowly:It"}}))
    running = commands.start(command, "s.yaml", "--out", "run")
    while not Path("begun").exists():
        time.sleep(0.01)
    running.interrupt()
    ended = running.end()
    assert (ended.code, ended.out) == (130, "")
    assert ended.err == "Stopped before anything was played; no run was made or changed.\n"
    assert not Path("run").exists()


@pytest.mark.parametrize(
    "words",
    [("judge", "a run", "--with", "x"), ("resample", "a run"), ("stats", "a run", "mixed"), ("report", "a run")],
)
def test_an_interrupt_of_any_command_says_what_to_type(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: str) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr("agentlab.store.find", interrupted)
    monkeypatch.setattr("sys.argv", ["agentlab", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    said = f"Stopped; everything committed is kept. To start again: agentlab {shlex.join(words)}\n"
    assert (ended.value.code, *capsys.readouterr()) == (130, "", said)


def test_an_interrupt_of_the_ending_keeps_what_was_played(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def job(progress: Progress) -> None:
        await session.run(load_scenario("s.yaml"), Path("run"), Selection(), progress)

    def end(_: Console) -> None:
        raise KeyboardInterrupt

    Path("s.yaml").write_text(scenario("s"))
    assert work(Path("run"), job, end) == 130
    assert "Stopped; everything committed is kept. To continue: agentlab " in capsys.readouterr().err


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, asyncio.CancelledError])
def test_an_interrupt_before_the_design_is_recorded_leaves_no_folder(
    interrupt: type[BaseException], workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def job(progress: Progress) -> None:
        with opened(Path("run")):
            raise interrupt

    assert work(Path("run"), job, quiet=True) == 130
    assert not Path("run").exists()
    assert capsys.readouterr().err == "Stopped before anything was played; no run was made or changed.\n"


@pytest.mark.parametrize(("stop", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_sigterm_and_sighup_finish_what_is_in_flight(
    commands: Commands, stop: signal.Signals, code: int, server: Loopback, whole: Tables
) -> None:
    """The server holds back what is in flight until the signal was taken: it is answered, kept and not sent again."""
    server.script = slow
    scenario = write(server)
    server.pause(after=3)
    running = commands.start("run", scenario, "--out", "run")
    assert server.wait(4)
    running.interrupt(stop)
    sent = len(server.seen)
    server.go_on()
    ended = running.end()
    assert ended.code == code
    assert f"Stopped by {stop.name}; everything committed is kept" in ended.err
    assert answered(load("run")) == sent
    assert commands.agentlab("run", scenario, "--out", "run").code == 0
    assert len(server.seen) == len(server.distinct), "no request was sent twice"
    assert_equal(tables("run"), whole)


def test_after_a_grace_time_sigterm_cancels_what_is_in_flight(commands: Commands) -> None:
    with Loopback(never) as server:
        scenario = write(server)
        running = commands.start("run", scenario, "--out", "run", patch={"agentlab.experiment.work:GRACE": 0.1})
        assert server.wait(1)
        running.interrupt(signal.SIGTERM)
        ended = running.end()
        assert ended.code == 143
        assert "Traceback" not in ended.said


@pytest.mark.slow
def test_kills_while_a_raised_limit_reopens_rollouts_change_nothing(commands: Commands) -> None:
    with Loopback(slow) as server:
        tight, loose = (
            write(server, ("draws: 2\njudges", f"draws: 6\nlimits: {{rollout: {{tokens: {n}}}}}\njudges"), name=name)
            for n, name in ((300, "tight.yaml"), ("1M", "loose.yaml"))
        )
        for out in ("whole", "cut"):
            assert commands.agentlab("run", tight, "--out", out).code == 0
        assert commands.agentlab("run", loose, "--out", "whole").code == 0
        dice = random.Random(6)
        for stop in (signal.SIGINT, *[signal.SIGKILL] * 7, signal.SIGINT):
            before = len(server.seen)
            running = commands.start("run", loose, "--out", "cut", "--concurrency", "3")
            server.wait(before + dice.randint(1, 4), 5)
            time.sleep(dice.random() * 0.02)
            running.send(stop)
            assert running.end().code in (0, 130, -signal.SIGKILL)
        assert commands.agentlab("run", loose, "--out", "cut").code == 0
        assert_equal(tables("cut"), tables("whole"))
