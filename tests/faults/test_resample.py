"""`agentlab resample` as a process: priced first, killed and gone on with, refused with the exit code of its kind."""

import random
import signal
import time
from pathlib import Path

import pandas as pd
import pytest

from agentlab.runs.frames import load
from tests.support.command import Commands
from tests.support.loopback import Loopback, slow
from tests.support.rig import VOLATILE, assert_equal, rows, tables, write

pytestmark = pytest.mark.usefixtures("workdir")
ONE = ("--rollout", "task=loan,team=firm,draw=1")
EVERY = ("--every-round", "--by-agent", "-n", "2", "--parents", "3")


def forks(folder: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The forks of a run and their scores, without times."""
    run = load(folder)
    first = run.forks.drop(columns=VOLATILE, errors="ignore").sort_values("rollout").reset_index(drop=True)
    by = ["rollout", "judge", "judge_draw", "criterion"]
    scores = run.fork_scores.astype({"rollout": "str"}).sort_values(by).reset_index(drop=True)
    assert not scores.duplicated(by).any()
    return first, scores


def assert_same(left: str, right: str) -> None:
    for one, other in zip(forks(left), forks(right), strict=True):
        pd.testing.assert_frame_equal(one, other, check_categorical=False)


@pytest.mark.slow
def test_kills_change_nothing_and_no_call_is_sent_twice(commands: Commands) -> None:
    with Loopback(slow) as server:
        scenario = write(server)
        for out in ("whole", "cut"):
            assert commands.agentlab("run", scenario, "--out", out).code == 0
        scenario.unlink()
        before, calls = tables("cut"), len(server.seen)
        ended = commands.agentlab("resample", "whole", *EVERY)
        assert ended.code == 0, ended.said
        assert "forks to draw of 3 rollouts, cut at 0, 1" in ended.out
        assert "Forks: mean, SD among forks of one rollout" in ended.out
        assert "Next: agentlab stats whole attribution" in ended.out
        own = len(server.seen) - calls
        # Both runs sent what the first did; a fork's prefix, sent again, would be a body that was seen before.
        assert len(server.distinct) == calls // 2 + own

        server.seen.clear()
        dice = random.Random(4)
        for stop in [*[signal.SIGKILL] * 6, signal.SIGINT]:
            at = len(server.seen)
            running = commands.start("resample", "cut", *EVERY, "--concurrency", "3")
            server.wait(at + dice.randint(1, 5), 5)
            time.sleep(dice.random() * 0.03)
            running.send(stop)
            assert running.end().code in (0, 130, -signal.SIGKILL)
        assert commands.agentlab("resample", "cut", *EVERY).code == 0
        assert len(server.distinct) == own
        assert len(server.seen) - own <= 6 * 3 * 3  # what was in flight at a kill
        assert_same("whole", "cut")
        assert_equal(before, tables("cut"))
        assert {"rent", "loan"} == set(load("cut").forks["task"])

        seen = len(server.seen)
        ended = commands.agentlab("resample", "cut", *EVERY)
        assert ended.code == 0
        assert "0 forks to draw" in ended.out
        assert len(server.seen) == seen
        assert commands.agentlab("resample", "cut", *EVERY[:2], "-n", "4", "--parents", "3").code == 0
        assert len(server.seen) - seen == len(server.distinct) - own > 0
        drawn = load("cut").forks.groupby(["parent", "at"])["fork"].apply(list)
        assert drawn.tolist() == [[1, 2, 3, 4]] * len(drawn)


def test_a_plan_asks_nothing_and_changes_nothing(commands: Commands) -> None:
    with Loopback() as server:
        scenario = write(server)
        assert commands.agentlab("run", scenario, "--out", "run").code == 0
        calls = len(server.seen)
        ended = commands.agentlab("resample", "run", *ONE, "--at", "1", "-n", "5", "--plan")
        assert ended.code == 0, ended.said
        assert "5 forks to draw of task=loan,team=firm,draw=1, cut at 1" in ended.out
        assert "unknown" in ended.out  # the server's models have no price
        assert len(server.seen) == calls
        assert load("run").forks.empty


def test_the_model_that_comes_in_is_asked_and_the_message_is_gone(commands: Commands) -> None:
    swap = '  other: {name: openai/other, base_url: "URL", timeout: 600, tries: 1}\ntasks:'
    with Loopback() as server:
        scenario = write(server, ("tasks:", swap.replace("URL", server.url)))
        assert commands.agentlab("run", scenario, "--out", "run").code == 0
        server.seen.clear()
        assert commands.agentlab("resample", "run", *ONE, "--swap", "hand=other", "-n", "2").code == 0
        asked = [one.body for one in server.seen if '"model":"other"' in one.body.replace(" ", "")]
        assert asked
        assert all("You work." in body for body in asked)
        changed = load("run").forks.query("change == 'swap hand=other'")
        assert changed["at"].tolist() == ["0", "0"]
        ended = commands.agentlab("resample", "run", *ONE, "--swap", "hand=openai/priceless", "--plan")
        assert ended.code == 0


def test_what_is_refused_has_the_exit_code_of_its_kind(commands: Commands) -> None:
    with Loopback() as server:
        scenario = write(server, ("draws: 2\njudges:", "draws: 2\nlimits: {run: {tokens: 1M}}\njudges:"))
        assert commands.agentlab("run", scenario, "--out", "run").code == 0
        for options, code, said in (
            (("--rollout", "task=loan,draw=9", "--at", "0"), 2, "no rollout has draw=9"),
            ((*ONE, "--at", "77"), 2, "not a valid cut of this rollout; ends of rounds: 0"),
            ((*ONE, "--at", "0", "-n", "1"), 2, "-n 1: one fork per cut says nothing"),
            ((*ONE, "--edit", "1"), 2, "--edit and --text go together"),
            ((*ONE, "--edit", "1", "--text", "@none.txt"), 2, "cannot read the file"),
            ((*ONE, "--swap", "hand"), 2, "write AGENT=MODEL"),
            ((*ONE, "--swap", "hand=anthropic/claude-opus-4-5", "-n", "2"), 2, "ANTHROPIC_API_KEY"),
        ):
            ended = commands.agentlab("resample", "run", *options)
            assert (ended.code, said in ended.err, "Traceback" in ended.said) == (code, True, False), ended.said
        assert commands.agentlab("resample", "nowhere", "--every-round").code == 1
        assert load("run").forks.empty

        server.pause(0)
        at = len(server.seen)
        running = commands.start("resample", "run", *ONE, "--at", "0")
        assert server.wait(at + 1)
        ended = commands.agentlab("resample", "run", *ONE, "--at", "0", "-n", "2")
        assert ended.code == 3
        assert f"process {running.pid} is using this run" in ended.err
        running.kill()

        server.go_on()
        spent = rows("run", "SELECT total(input_tokens) + total(output_tokens) FROM calls")[0][0]
        text = scenario.read_text().replace("tokens: 1M", f"tokens: {int(spent) + 500}")
        scenario.write_text(text)
        assert commands.agentlab("run", scenario, "--out", "run").code in (0, 4)
        ended = commands.agentlab("resample", "run", "--every-round", "-n", "9", "--concurrency", "1")
        assert ended.code == 4, ended.said
        assert "limits.run" in ended.err
        assert "run `agentlab run`" in ended.err
        drawn = load("run").forks.groupby(["parent", "at"])["fork"].max()
        assert drawn.max() - drawn.min() <= 1  # all cuts are drawn equally often before any is drawn once more


def test_the_second_bisection_goes_on_where_the_first_was_killed(commands: Commands, tmp_path: Path) -> None:
    with Loopback(slow) as server:
        scenario = write(server)
        for out in ("whole", "cut"):
            assert commands.agentlab("run", scenario, "--out", out).code == 0
        command = (*ONE, "--bisect", "-n", "3")
        ended = commands.agentlab("resample", "whole", *command)
        assert ended.code == 0, ended.said
        assert "at most" in ended.out
        for _ in range(4):
            at = len(server.seen)
            running = commands.start("resample", "cut", *command)
            server.wait(at + 3, 5)
            running.kill()
        assert commands.agentlab("resample", "cut", *command).code == 0
        assert_same("whole", "cut")


def test_shown_forks_say_whose_they_are(commands: Commands) -> None:
    with Loopback() as server:
        assert commands.agentlab("run", write(server), "--out", "run").code == 0
        assert commands.agentlab("resample", "run", *ONE, "--at", "1", "-n", "2").code == 0
        fork = load("run").forks["rollout"].iloc[0]
        listed = commands.agentlab("show", "run")
        assert (
            f"forks of 1 rollout: agentlab.load('run').forks\nOne of them: agentlab show run --rollout {fork[:12]}"
            in (listed.out)
        )
        shown = commands.agentlab("show", "run", "--rollout", fork)
        assert shown.code == 0
        assert "fork 1 of rollout" in shown.out
        assert "prompts are rebuilt from the log, with the hash of what was sent" in shown.out
        ended = commands.agentlab("resample", "run", "--rollout", fork, "--at", "0")
        assert ended.code == 2
        assert "shares everything up to cut 1 with its parent" in ended.err
        assert "2 of 2 forks done" in commands.agentlab("resample", "run", *ONE, "--at", "0", "-n", "2").err
