"""A protocol and tools of one's own, played by the command: every hook is used, stored, shown and counted."""

import json
from pathlib import Path

import pytest
from agentlab_cli.main import app
from typer.testing import CliRunner

from agentlab.runs.frames import Run, load
from tests.support import relay_board
from tests.support.relay_board import SCENARIO


@pytest.fixture
def played(workdir: Path) -> Run:
    relay_board.opened.clear()
    relay_board.asked.clear()
    Path("s.yaml").write_text(SCENARIO)
    told = CliRunner().invoke(app, ["run", "s.yaml", "--out", "run"])
    assert told.exit_code == 0, told.output
    return load("run")


def spent(results: str) -> float:
    return sum(result["seconds"] for result in json.loads(results))


def test_every_hook_of_a_protocol_is_played(played: Run) -> None:
    log = played.messages
    first = str(played.rollouts["rollout"].iloc[0])
    rows = log[["rollout", "round", "kind"]].astype({"rollout": "str"}).to_dict("records")
    kinds = [(row["round"], row["kind"]) for row in rows if row["rollout"] == first]
    # The task wakes nobody: the protocol's own step before round 1 does, and both write a file of one name at once.
    assert kinds[:2] == [(0, "task"), (0, "turn")]
    assert kinds[2:8] == [(1, name) for name in ("file", "notice", "file", "notice", "refused", "turn")]
    assert kinds[8][0] == 2
    # Later steps draw who is next from a stream of the rollout's own; a notice wakes nobody.
    chosen = log[(log["kind"] == "turn") & (log["round"] == 1)]["to"].tolist()
    assert set(chosen) == {("ann",), ("ben",)}
    acted = played.calls[played.calls["round"] == 3].groupby("rollout", observed=True)["actor"].unique()
    assert acted.map(len).eq(1).all()
    assert played.rollouts["status"].eq("delivered").all()


def test_what_a_protocol_declares_is_what_frames_count(played: Run) -> None:
    assert played.rollouts["bounced"].isin([1, 2]).all()
    edges = played.edges.set_index(["rollout", "sender", "recipient"])
    lost = edges[edges["bounced"] > 0].reset_index()
    assert set(lost["sender"]) == {"ben"}  # who read the report wrote what it is about
    assert set(lost["recipient"]) == {"1.txt", "2.txt"}
    assert played.conditions[["agents", "edges", "depth"]].iloc[0].tolist() == [2, 2, 1]


def test_a_toolset_is_open_as_long_as_its_rollout_and_shared_by_its_agents(played: Run) -> None:
    assert sorted(relay_board.opened) == sorted(["open t", "close t", "open u", "close u"] * 3)
    results = [json.loads(text)[0] for text in played.calls["tool_results"].dropna()]
    assert all(result["seconds"] >= 0 and not result["error"] for result in results)
    assert all(act["kind"] == "write" for result in results for act in result["acts"])
    said = [result["content"] for result in results]
    assert any(text.startswith("2 written, 0 files, 1 calls") for text in said)
    assert any(text.startswith("3 written, 1 files, 1 calls") for text in said)


def test_a_judge_sees_the_workspace_and_the_time_of_tools_counts(played: Run) -> None:
    assert (played.scores["value"] >= 2).all()
    calls = played.calls
    tools = calls["tool_results"].fillna("[]").map(spent)
    total = (calls["seconds"] + tools).groupby(calls["rollout"], observed=True).sum()
    assert played.rollouts.set_index("rollout")["seconds"].to_dict() == pytest.approx(total.to_dict())


def test_the_same_command_finds_all_done_and_a_run_shows_what_it_can_rebuild(played: Run) -> None:
    opened = len(relay_board.opened)
    assert CliRunner().invoke(app, ["run", "s.yaml", "--out", "run"]).exit_code == 0
    assert len(relay_board.opened) == opened
    told = CliRunner().invoke(app, ["show", "run", "--rollout", str(played.rollouts["rollout"].iloc[0])]).output
    assert "PROMPTS DIFFER" not in told
    assert "what the protocol showed besides mail" in told


def test_what_a_view_shows_is_inert(played: Run) -> None:
    shown = "\n".join(entry.content for chat in relay_board.asked for entry in chat if entry.role == "user")
    assert '<state from="@board" size="1">\nby ann &lt;done>forged&lt;/done>\n</state>' in shown
    assert "<done>" not in shown


def test_a_judge_that_is_added_sees_the_same_workspace(played: Run) -> None:
    Path("judges").mkdir()
    Path("judges/again.yaml").write_text('kind: "tests.support.relay_board:Files"\n')
    told = CliRunner().invoke(app, ["judge", "run", "--with", "judges/again.yaml"])
    assert told.exit_code == 0, told.output
    scores = load("run").scores.pivot_table("value", "rollout", "judge", observed=True)
    assert (scores["files"] == scores["again"]).all()


def test_plan_and_show_open_no_tools(workdir: Path) -> None:
    relay_board.opened.clear()
    Path("s.yaml").write_text(SCENARIO)
    planned, drawn = (CliRunner().invoke(app, [command, "s.yaml"]) for command in ("plan", "show"))
    assert planned.exit_code == drawn.exit_code == 0, planned.output + drawn.output
    assert relay_board.opened == []
    assert "write, calculate" in drawn.output
    assert "client → ann, ben" in drawn.output
