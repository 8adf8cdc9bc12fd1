"""What the same command does with a run that is there: refuses another scenario, extends its own, repeats nothing."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from agentlab.runs.frames import load
from tests.support.command import Commands
from tests.support.loopback import Answer, Body, Loopback, healthy, talk
from tests.support.rig import Change, assert_equal, rows, tables, write

pytestmark = pytest.mark.usefixtures("workdir")

CHANGED: list[tuple[Change, str, str, str]] = [
    (("openai/tiny", "openai/huge"), "models.default.name", "'openai/tiny'", "'openai/huge'"),
    (("timeout: 600,", "temperature: 0.5, timeout: 600,"), "models.default.temperature", "not there", "0.5"),
    (("lends 40", "lends 41"), "tasks.loan.prompt", "lends 40", "lends 41"),
    (("You lead.", "You follow."), "organization.agents.boss.system", "'You lead.'", "'You follow.'"),
    (("rounds: 3", "rounds: 2"), "organization.rounds", "3", "2"),
    (("start: [boss, mate]", "start: [boss]"), "organization.protocol.start", "[boss, mate]", "[boss]"),
    (("Is it plain?", "Is it short?"), "judges.quality.criteria.plain.text", "'Is it plain?'", "'Is it short?'"),
    (("seed: 7", "seed: 8"), "seed", "7", "8"),
    (("    solo:", "    alone:"), "factors.team.solo", "{", "not there"),
]


def test_another_scenario_is_refused_with_the_path_the_old_and_the_new_value(commands: Commands) -> None:
    with Loopback() as server:
        scenario = write(server)
        assert commands.agentlab("run", scenario, "--out", "run", "--draws", "1").code == 0
        calls = len(server.seen)
        for change, path, was, now in CHANGED:
            ended = commands.agentlab("run", write(server, change), "--out", "run")
            assert ended.code == 3, (change, ended.said)
            told = next(line for line in ended.err.splitlines() if line.startswith(f"  {path}: "))
            assert was in told.partition(", is ")[0]
            assert now in told.partition(", is ")[2]
            assert "--new or --out" in ended.err
        assert len(server.seen) == calls
        assert commands.agentlab("run", write(server), "--out", "run", "--draws", "1").code == 0
        assert len(server.seen) == calls


def test_a_server_that_moved_goes_on_under_its_new_address_which_is_recorded(commands: Commands) -> None:
    with Loopback() as first:
        scenario = write(first)
        assert commands.agentlab("run", scenario, "--out", "whole").code == 0
        whole = first.distinct
        first.seen.clear()
        assert commands.agentlab("run", scenario, "--out", "run", "--draws", "1").code == 0
    with Loopback(lambda body, before: Answer(talk(body), model="other")) as second:
        edited = commands.agentlab("run", write(second), "--out", "run")
        assert edited.code == 3
        assert "--base-url default=URL" in edited.err
        write(first)
        to = (f"default={second.url}", f"judge={second.url}")
        ended = commands.agentlab("run", scenario, "--out", "run", "--base-url", to[0], "--base-url", to[1])
        assert ended.code == 0, ended.said
        assert not first.distinct & second.distinct
        assert first.distinct | second.distinct == whole
        assert "openai/tiny was answered by other (" in " ".join(ended.out.split())
        ours, theirs = tables("run"), tables("whole")
        for each in (ours, theirs):
            each["calls"].pop("served_model")
        assert_equal(ours, theirs)
        asked = len(second.seen)
        Path("extra.yaml").write_text(EXTRA)
        added = ("judge", "run", "--with", "extra.yaml")
        assert commands.agentlab(*added, env={"AGENTLAB_BASE_URL": ",".join(to)}).code == 0
        assert len(second.seen) == asked + 2 * 8
        known = load("run").meta["addresses"]
        assert [(one["model"], one["url"]) for one in known] == [
            (alias, url) for url in (first.url, second.url) for alias in ("judge", "default")
        ]
        wrong = commands.agentlab("run", scenario, "--out", "run", "--base-url", "defalt=http://x/v1")
        assert (wrong.code, "did you mean 'default'" in wrong.err) == (2, True), wrong.said


LEVEL = "    hand: {organization: {cast: [hand], protocol: {kind: chain, stages: [[hand]]}, closing: {agent: hand}}}\n"
MORE: list[Change] = [
    ("organization:\n  agents", "  fare: {prompt: What is the fare?, target: 3}\norganization:\n  agents"),
    ("draws: 2\njudges", "draws: 3\njudges"),
    ("    firm: {}\n", "    firm: {}\n" + LEVEL),
    (
        "measures:\n",
        "  twin: {kind: rubric, criteria: {focus: {text: Is it good?}}}\nmeasures:\n  good: {judge: twin}\n",
    ),
]


def test_a_run_grows_by_tasks_draws_levels_judges_and_measures_without_a_repeated_call(commands: Commands) -> None:
    with Loopback() as server:
        assert commands.agentlab("run", write(server), "--out", "run").code == 0
        for many in range(1, len(MORE) + 1):
            before = len(server.seen)
            assert commands.agentlab("run", write(server, *MORE[:many]), "--out", "run").code == 0
            assert len(server.seen) == len(server.distinct) > before
        assert commands.agentlab("run", write(server, *MORE), "--out", "whole").code == 0
        assert_equal(tables("run"), tables("whole"))


def test_a_judge_that_is_drawn_more_often_is_asked_only_for_the_new_draws(commands: Commands) -> None:
    with Loopback() as server:
        assert commands.agentlab("run", write(server), "--out", "run").code == 0
        before = len(server.seen)
        ended = commands.agentlab("run", write(server, ("    draws: 2\n", "    draws: 3\n")), "--out", "run")
        if ended.code == 3:  # draws of a judge are part of it
            assert "judges.quality.draws" in ended.err
            assert len(server.seen) == before
        else:
            assert len(server.seen) == len(server.distinct) == before + 8


def test_a_run_limit_stops_and_when_it_is_raised_the_run_goes_on(commands: Commands) -> None:
    limits = "limits: {run: {tokens: 4000}}\njudges:"
    with Loopback() as server:
        scenario = write(server, ("draws: 2\njudges:", f"draws: 4\n{limits}"))
        ended = commands.agentlab("run", scenario, "--out", "run", "--concurrency", "2")
        assert ended.code == 4, ended.said
        assert "limits.run" in ended.err
        stopped = load("run").rollouts
        assert 0 < len(stopped) < 16
        assert stopped.groupby("draw").size().iloc[:-1].eq(4).all()  # draw by draw: what there is, is balanced
        again = commands.agentlab("run", scenario, "--out", "run", "--concurrency", "2")
        assert again.code == 4
        assert len(load("run").rollouts) == len(stopped)
        raised = write(server, ("draws: 2\njudges:", f"draws: 4\n{limits.replace('4000', '4M')}"))
        assert commands.agentlab("run", raised, "--out", "run").code == 0
        assert len(server.seen) == len(server.distinct)
        assert commands.agentlab("run", raised, "--out", "whole").code == 0
        assert_equal(tables("run"), tables("whole"))


def test_a_raised_rollout_limit_reopens_what_it_stopped(commands: Commands) -> None:
    with Loopback() as server:
        tight, loose = (
            ("draws: 2\njudges", f"draws: 4\nlimits: {{rollout: {{tokens: {n}}}}}\njudges") for n in (300, "1M")
        )
        scenario = write(server, tight)
        assert commands.agentlab("run", scenario, "--out", "run").code == 0
        first = tables("run")
        stopped = first["rollouts"][first["rollouts"]["status"] == "limit"]
        assert 0 < len(stopped) < 16
        assert set(stopped["output_via"]) <= {"closing", "protocol"}  # the closing question is asked also then
        seen = len(server.seen)
        assert commands.agentlab("run", scenario, "--out", "run").code == 0
        assert len(server.seen) == seen

        assert commands.agentlab("run", write(server, loose), "--out", "run").code == 0
        assert len(server.seen) == len(server.distinct) > seen
        second = tables("run")
        assert "limit" not in set(second["rollouts"]["status"])
        reopened = second["rollouts"].set_index("rollout").loc[list(stopped["rollout"])]
        assert (reopened["attempt"] == 2).all()
        others = ~second["rollouts"]["rollout"].isin(stopped["rollout"])
        pd.testing.assert_frame_equal(
            second["rollouts"][others].reset_index(drop=True),
            first["rollouts"][~first["rollouts"]["rollout"].isin(stopped["rollout"])].reset_index(drop=True),
            check_categorical=False,
        )
        latest = second["calls"][second["calls"]["judge"] == "quality"]
        latest = latest[latest["rollout"].isin(stopped["rollout"])].groupby(["rollout", "actor"])["attempt"].max()
        assert (latest == 2).all()
        assert len(second["scores"]) == len(first["scores"])
        for row in second["scores"][second["scores"]["rollout"].isin(stopped["rollout"])].itertuples():
            if row.judge == "quality":
                asked = second["calls"].query(
                    f"rollout == '{row.rollout}' and judge == 'quality' "
                    f"and judge_draw == {row.judge_draw} and attempt == 2"
                )
                assert str(row.reason) in asked["text"].iloc[-1]


EXTRA = "kind: rubric\ndraws: 2\ncriteria: {kind: {text: Is it kind?}}\n"


def test_judges_added_later_repeat_no_rollout_and_are_asked_once(commands: Commands) -> None:
    with Loopback() as server:
        assert commands.agentlab("run", write(server), "--out", "run").code == 0
        Path("extra.yaml").write_text(EXTRA)
        before, finished = len(server.seen), tables("run")
        more = ("judge", "run", "--with", "extra.yaml", "--with", "final_number")
        server.pause(3)
        killed = commands.start(*more)
        assert server.wait(before + 3)
        killed.kill()
        server.settle()
        server.go_on()
        for _ in range(2):
            ended = commands.agentlab(*more)
            assert ended.code == 0, ended.said
            assert len(server.distinct) == before + 8 * 2
            assert len(server.seen) <= before + 8 * 2 + 8  # what was in flight at the kill
        now = tables("run")
        pd.testing.assert_frame_equal(now["rollouts"], finished["rollouts"])
        pd.testing.assert_frame_equal(now["messages"], finished["messages"])
        added = now["scores"][now["scores"]["judge"].isin(["extra", "final_number"])]
        assert added.groupby("judge").size().to_dict() == {"extra": 16, "final_number": 8}
        assert set(added.loc[added["judge"] == "extra", "judge_draw"]) == {0, 1}
        assert {"extra", "final_number"} < set(now["measures"].columns)

        Path("extra.yaml").write_text(EXTRA.replace("kind?", "sharp?"))
        ended = commands.agentlab("judge", "run", "--with", "extra.yaml")
        assert ended.code == 3
        assert "already has a different judge named 'extra'" in ended.err
        assert commands.agentlab("run", write(server), "--out", "run").code == 0
        assert len(server.distinct) == before + 16


def test_a_recorded_run_is_reproduced_without_a_server(commands: Commands) -> None:
    with Loopback() as server:
        scenario = write(server)
        assert commands.agentlab("run", scenario, "--out", "runs/first").code == 0
    text = scenario.read_text()
    models = text[text.index("models:") : text.index("tasks:")]
    again = "models:\n  default: {name: replay/first}\n  judge: {name: replay/first}\n"
    scenario.write_text(text.replace(models, again))
    ended = commands.agentlab("run", scenario, "--out", "runs/second")
    assert ended.code == 0, ended.said
    first, second = tables("runs/first"), tables("runs/second")
    for name, frame in first.items():
        by = ["anchor"] if name == "anchors" else ["task", "condition", "draw"]
        hidden = {"rollout", "model", "seeded", "cost", "priced", "settings", "prompt_hash"}
        more = [column for column in ("index", "round", "actor", "judge", "judge_draw", "criterion") if column in frame]
        sides = [
            side[name].drop(columns=list(hidden & set(frame.columns))).sort_values([*by, *more]).reset_index(drop=True)
            for side in (first, second)
        ]
        pd.testing.assert_frame_equal(sides[0], sides[1], check_categorical=False, obj=name)


def test_the_log_does_not_depend_on_which_call_returns_first(commands: Commands) -> None:
    dice = random.Random(10)

    def late(body: Body, before: int) -> Answer:
        return Answer(talk(body), delay=dice.random() * 0.05)

    with Loopback(late) as server:
        scenario = write(server)
        for out, concurrency in (("a", "256"), ("b", "1")):
            assert commands.agentlab("run", scenario, "--out", out, "--concurrency", concurrency).code == 0
        assert len(server.seen) == 2 * len(server.distinct)
        assert_equal(tables("a"), tables("b"))


@pytest.mark.slow
@pytest.mark.process
def test_the_log_does_not_depend_on_how_python_hashes() -> None:
    with Loopback(healthy) as server:
        scenario = write(server)
        main = "from agentlab_cli.main import main; main()"
        for hashing in ("0", "4242"):
            env = {**os.environ, "PYTHONHASHSEED": hashing}
            own = [sys.executable, "-c", main, "run", str(scenario), "--out", hashing]
            subprocess.run(own, env=env, check=True, capture_output=True)
        assert len(server.seen) == 2 * len(server.distinct)
        assert_equal(tables("0"), tables("4242"))
        assert rows("0", "SELECT key FROM rollouts ORDER BY id") == rows("4242", "SELECT key FROM rollouts ORDER BY id")


def test_the_run_says_which_part_of_it_was_chosen(commands: Commands) -> None:
    with Loopback() as server:
        scenario = write(server)
        for chosen, right in (
            (("--only", "team=solo", "--tasks", "loan", "--draws", "1"), 0),
            (("--only", "team=nobody"), 2),
            (("--only", "crew=solo"), 2),
            (("--tasks", "nothing"), 2),
        ):
            before = len(server.seen)
            ended = commands.agentlab("run", scenario, "--out", "run", *chosen)
            assert ended.code == right, ended.said
            assert (len(server.seen) > before) == (right == 0)
        assert len(load("run").rollouts) == 1
        assert commands.agentlab("run", scenario, "--out", "run").code == 0
        assert len(server.seen) == len(server.distinct)
        assert json.loads(rows("run", "SELECT value FROM meta WHERE key = 'seed'")[0][0]) == 7
