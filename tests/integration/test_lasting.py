"""What fails for a reason that stays is told so, and what cannot be judged is told before anybody is asked."""

from pathlib import Path

import pytest

from tests.support.command import Commands
from tests.support.scenarios import rubric, scenario

pytestmark = [pytest.mark.usefixtures("workdir"), pytest.mark.process]


def write(scores: str) -> None:
    models = {
        "default": {"name": "sim/chatter"},
        "judge": {"name": "sim/replies", "options": {"scores": {scores: {"3": 1.0}}}},
    }
    Path("s.yaml").write_text(scenario("s", models=models, judges={"quality": rubric("focus")}))


def test_trying_again_is_promised_only_once_the_reason_is_mended(commands: Commands) -> None:
    write("other")
    ended = commands.agentlab("run", "s.yaml", "--out", "run")
    assert ended.code == 1
    told = "1 failed for a reason that will not go away by itself (fatal: sim/replies has no scores for 'focus'"
    assert told in ended.err
    assert "once it is fixed, the same command retries them" in ended.err


def test_a_judge_that_cannot_score_the_tasks_is_refused_before_it_is_added(commands: Commands) -> None:
    write("focus")
    assert commands.agentlab("run", "s.yaml", "--out", "run").code == 0
    ended = commands.agentlab("judge", "run", "--with", "final_number")
    assert ended.code == 2
    assert ended.err.startswith(
        "--with final_number: tasks.t.target: the judge finds no target; add another judge, or write "
    )
    assert "line 0" not in ended.err
    assert "final_number" not in commands.agentlab("show", "run").out
