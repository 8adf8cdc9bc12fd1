"""`resample --until`: turns drawn anew until their messages have a property or lack it, with every draw on record."""

import sqlite3
from pathlib import Path

import pandas as pd
import pytest
from agentlab_cli.main import app
from typer.testing import CliRunner

import agentlab
from agentlab.runs.frames.forks import exhausted
from agentlab.store import DATABASE
from tests.support.rig import rows

SCENARIO = """spec: 1
name: objection
models:
  default:
    name: sim/cascades.table:Table
    options:
      tables:
        ann: {"": {I object.: 0.3, Go on.: 0.7}}
        ben: {"I object.": {I object too.: 0.3, We stop.: 0.7}, "Go on.": {I object too.: 0.1, Proceed.: 0.9}}
        cat: {"": {stopped: 0.4, shipped: 0.4, stopped by an objection: 0.2}}
tasks: {release: {prompt: Shall we ship it?, target: shipped}}
organization:
  agents: {ann: {}, ben: {memory: unread}, cat: {memory: unread}}
  protocol: {kind: chain, stages: [[ann], [ben], [cat]]}
draws: 6
seed: SEED
judges:
  shipped: {kind: match, by: exact}
  objects: {kind: match, by: regex, pattern: object}
  twin: {kind: match, by: regex, pattern: stop}
measures: {harm: {judge: shipped, target: 0}}
"""


def resample(run: Path, *options: str) -> tuple[int, str]:
    ended = CliRunner().invoke(app, ["resample", str(run), "--yes", *options])
    return ended.exit_code, " ".join((ended.output + str(ended.exception or "")).split())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in whose first selected rollout ann objects."""
    home = tmp_path_factory.mktemp("objection")
    (home / "s.yaml").write_text(SCENARIO.replace("SEED", "3"))
    assert CliRunner().invoke(app, ["run", str(home / "s.yaml"), "--out", str(home / "run"), "--quiet"]).exit_code == 0
    return home / "run"


def objecting(run: Path) -> str:
    said = agentlab.load(run).messages.query("sender == 'ann' and kind != 'task'")
    return f"task=release,draw={said[said['content'] == 'I object.']['draw'].iloc[0]}"


def said(run: Path, kind: str) -> pd.DataFrame:
    sql = (
        "SELECT r.key, r.population, r.status, m.sender, m.content FROM messages m JOIN rollouts r ON r.id = m.rollout "
        f"WHERE r.kind = '{kind}'"
    )
    return pd.DataFrame(rows(run, sql), columns=["key", "population", "status", "sender", "content"])


def test_a_turn_is_drawn_until_its_property_is_gone_and_does_not_come_back(folder: Path) -> None:
    where = objecting(folder)
    before = agentlab.load(folder)
    until = ("--rollout", where, "--at", "1/ann", "--until", "objects=no", "--resilient", "-n", "12", "--tries", "30")
    code, out = resample(folder, *until)
    assert code == 0, out
    assert "this turn and every later one may be drawn 30 times" in out
    assert "objects in the turn of ann in round 1, if it survives, changes harm by" in out
    run = agentlab.load(folder)
    redrawn = run.forks[run.forks["change"] == "until objects=no tries 30 resilient"]
    assert set(redrawn["status"]) == {"delivered"}
    assert (redrawn["at"] == "1/ann").all()
    forks, draws = said(folder, "fork"), said(folder, "redraw")
    kept = forks[forks["key"].isin(redrawn["rollout"].astype("str"))]
    assert not kept["content"].str.contains("object").any()
    assert {"ann", "ben", "cat"} <= set(kept["sender"])
    rejected = draws[draws["status"] == "rejected"]
    assert {"I object.", "I object too.", "stopped by an objection"} >= set(
        rejected[rejected["content"].str.contains("object")]["content"]
    )
    assert redrawn["attempts"].sum() - len(redrawn) == rejected["key"].nunique() > 0
    assert redrawn["calls"].sum() == 3 * len(redrawn) + rejected["key"].nunique()
    for frame in ("rollouts", "particles", "calls", "messages", "measures"):
        assert len(getattr(run, frame)) == len(getattr(before, frame)), frame
    effects = CliRunner().invoke(app, ["stats", str(folder), "interventions", "--measure", "harm"])
    assert "until" in effects.output


def test_the_same_command_draws_nothing_again_and_a_killed_one_pays_only_for_what_it_lost(folder: Path) -> None:
    until = ("--rollout", objecting(folder), "--at", "1/ann", "--until", "objects=no", "-n", "5", "--tries", "9")
    assert resample(folder, *until)[0] == 0

    def state() -> list[str]:
        sql = "SELECT r.key, actor, round, k, text FROM calls JOIN rollouts r ON r.id = rollout"
        return sorted(map(str, rows(folder, sql)))

    whole = state()
    assert "0 forks to draw" in resample(folder, *until)[1]
    with sqlite3.connect(folder / DATABASE) as connection:  # as it was when a kill came in the middle
        killed = "SELECT id, key FROM rollouts WHERE change = 'until objects=no tries 9' AND kind = 'fork'"
        ids = connection.execute(killed).fetchall()
        for id, key in ids[:3]:
            draws = connection.execute("SELECT id FROM rollouts WHERE population = ? ORDER BY id", (key,)).fetchall()
            connection.execute(
                "UPDATE rollouts SET status = NULL, chosen = NULL WHERE id = ? OR population = ?", (id, key)
            )
            connection.execute("DELETE FROM verdict_rows WHERE rollout = ?", (id,))
            for (draw,) in [(id,), *draws]:
                connection.execute("DELETE FROM message_rows WHERE rollout = ?", (draw,))
            connection.execute("DELETE FROM call_rows WHERE rollout = ? AND round > 1", draws[-1])
    lost = len(whole) - len(state())
    assert lost > 0
    assert resample(folder, *until)[0] == 0
    assert state() == whole


def test_a_turn_that_runs_out_of_tries_is_rejected_and_said(folder: Path) -> None:
    run = agentlab.load(folder)
    fine = run.messages.query("sender == 'ann' and content == 'Go on.'")["draw"].iloc[0]
    until = ("--rollout", f"task=release,draw={fine}", "--at", "1/ann", "--until", "objects", "-n", "8", "--tries", "2")
    code, out = resample(folder, *until)
    assert code == 0, out
    assert "objects in the turn of ann in round 1, if it is there, changes harm by" in out
    run = agentlab.load(folder)
    forks = run.forks.query("change == 'until objects=yes tries 2'")
    assert set(forks["status"]) == {"delivered", "rejected"}
    lost = int((forks["status"] == "rejected").sum())
    assert f"In {lost} of 8 changed forks, a turn ran out of tries. They are left out" in out
    assert exhausted(forks).tolist() == (forks["status"] == "rejected").tolist()
    run = agentlab.load(folder)
    run.meta["measures"] = [{**one, "values": {"rejected": 1.0}} for one in run.meta["measures"]]
    again = run.forks.query("change == 'until objects=yes tries 2'")
    assert again["harm"].isna().tolist() == exhausted(forks).tolist()
    assert forks.loc[forks["status"] == "rejected", "error"].str.contains("none of 2 draws of the turn of ann").all()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--until", "objects"), "--until needs one rollout"),
        (("--rollout", "task=release,draw=1", "--until", "objects"), "name it with --at ROUND/AGENT"),
        (("--rollout", "task=release,draw=1", "--at", "3/cat", "--until", "objects"), "after which no agent read"),
        (("--rollout", "task=release,draw=1", "--at", "1/ann", "--until", "shipped"), "'harm' uses this judge"),
        (("--rollout", "task=release,draw=1", "--at", "1/ann", "--until", "nobody"), "nobody"),
        (("--rollout", "task=release,draw=1", "--at", "1/ann", "--until", "objects=maybe"), "JUDGE=no"),
        (("--rollout", "task=release,draw=1", "--at", "1/ann", "--resilient"), "need --until JUDGE"),
        (("--rollout", "task=release,draw=1", "--at", "1/ann", "--until", "twin=no"), "does not have 'twin'"),
    ],
)
def test_what_cannot_be_drawn_is_refused(folder: Path, options: tuple[str, ...], told: str) -> None:
    code, out = resample(folder, *options)
    assert code != 0
    assert told in out


def test_a_redrawn_fork_and_its_draws_say_what_they_are_and_which_rollout_to_fork_instead(folder: Path) -> None:
    until = ("--rollout", objecting(folder), "--at", "1/ann", "--until", "objects=no", "-n", "3", "--tries", "20")
    assert resample(folder, *until)[0] == 0
    forks = agentlab.load(folder).forks
    fork = forks[forks["change"].str.startswith("until")].iloc[0]
    draw = said(folder, "redraw").query("population == @fork.rollout and status != 'rejected'")["key"].iloc[0]

    shown = CliRunner().invoke(app, ["show", str(folder), "--rollout", fork.rollout]).output
    assert f"{fork.attempts} draw" in shown
    assert f"{fork.attempts - 1} rejected; the log is that of draw {draw[:12]}" in " ".join(shown.split())
    shown = CliRunner().invoke(app, ["show", str(folder), "--rollout", draw]).output
    assert f"a draw of a turn of fork {fork.rollout}" in shown

    _, out = resample(folder, "--rollout", fork.rollout, "--at", "2/ben", "-n", "2")
    assert f"fork its parent {fork.parent[:12]}" in out
    _, out = resample(folder, "--rollout", draw, "--at", "2/ben", "-n", "2")
    assert "which has no forks of its own" in out
