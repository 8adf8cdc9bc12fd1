"""A plan whose calls and tokens are those of a pilot run."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from agentlab_cli.main import app
from typer.testing import CliRunner

import agentlab
from agentlab.store import DATABASE
from tests.support.scenarios import Part, chain, measured, numbered, rubric, scenario

REPLIES = {"name": "sim/replies", "options": {"replies": {"*": {"A fairly long reply, word after word.": 1.0}}}}
PRICED = {"price": {"input": 1.0, "output": 1000.0}}


def invoked(*arguments: str) -> str:
    ended = CliRunner().invoke(app, [*arguments])
    assert ended.exit_code == 0, ended.output
    return ended.stdout


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    sections: Part = {
        "models": {"default": REPLIES | PRICED, "judge": {"name": "sim/chatter"} | PRICED},
        "tasks": numbered(2),
        "organization": chain(["ann"], ["ben"]),
        "factors": {
            "team": {
                "pair": {},
                "alone": {"organization": {"cast": ["ann"], "protocol": chain(["ann"])["protocol"]}},
            }
        },
        "judges": {"good": rubric("useful")},
        "measures": {"useful": measured("good", 0, 1)},
        "draws": 5,
    }
    file = tmp_path / "s.yaml"
    file.write_text(scenario("s", **sections))
    return file


def plan(*options: str) -> dict[str, Any]:
    return json.loads(invoked("plan", "s.yaml", "--json", *options))


def test_conditions_of_the_pilot_take_what_its_rollouts_took_on_average(path: Path) -> None:
    invoked("run", str(path), "--draws", "1", "--out", "pilot", "--quiet")
    calls = agentlab.load("pilot").calls.query("purpose == 'agent'")
    made = plan("--pilot", "pilot")
    for condition, own in calls.groupby("condition", observed=True):
        told = made["agents"][str(condition)]
        assert told["calls"] == 5 * len(own)
        assert told["input_tokens"] == 5 * own["input_tokens"].sum()
        assert told["output_tokens"] == 5 * own["output_tokens"].sum()
        assert told["cost"] == pytest.approx(5 * own["cost"].sum())
    assert made["agents"] != plan()["agents"]
    assert made["judges"]["good"]["calls"] == 5 * 4


def test_what_the_pilot_lacks_keeps_its_estimate_and_other_models_have_their_own_price(path: Path) -> None:
    invoked("run", str(path), "--draws", "1", "--out", "pilot", "--only", "team=pair", "--quiet")
    without, made = plan(), plan("--pilot", "pilot", "--set", "models.default.price.output=2000")
    assert made["agents"]["team=alone"]["calls"] == without["agents"]["team=alone"]["calls"]
    assert made["judges"]["good"]["calls"] == without["judges"]["good"]["calls"]
    own = agentlab.load("pilot").calls.query("purpose == 'agent'")
    price = (own["input_tokens"].sum() + 2000 * own["output_tokens"].sum()) / 1e6
    assert made["agents"]["team=pair"]["cost"] == pytest.approx(5 * price)
    told = " ".join(invoked("plan", "s.yaml", "--pilot", "pilot").split())
    assert "Calls and tokens of 1 of 2 conditions are the averages of 2 finished rollouts in the pilot" in told
    assert "Every other condition was played once" in told
    assert "pilot measures no SD" in told


def test_what_an_interrupted_pilot_began_is_in_no_average(path: Path) -> None:
    invoked("run", str(path), "--draws", "2", "--out", "pilot", "--quiet")
    whole = plan("--pilot", "pilot")
    with closing(sqlite3.connect(Path("pilot", DATABASE))) as connection, connection:
        connection.execute("UPDATE rollouts SET status = 'cancelled' WHERE kind = 'rollout' AND draw = 2")
        connection.execute("UPDATE rollouts SET status = NULL WHERE kind = 'rollout' AND draw = 2 AND task = 't0'")
    made = plan("--pilot", "pilot")
    for name, told in made["agents"].items():
        assert told["calls"] == whole["agents"][name]["calls"]
    assert made["judges"]["good"]["calls"] == whole["judges"]["good"]["calls"]


def test_a_judge_that_compares_arms_takes_what_a_call_of_it_took_in_the_pilot(path: Path) -> None:
    better = "\n  better: {kind: compare, criteria: {better: {text: Which is better?}}}"
    path.write_text(path.read_text().replace("\njudges:", f"\njudges:{better}", 1))
    invoked("run", str(path), "--draws", "1", "--out", "pilot", "--quiet")
    with closing(sqlite3.connect(f"pilot/{DATABASE}")) as connection, connection:
        connection.execute(
            "UPDATE call_rows SET input_tokens = 1000 WHERE sort IN (SELECT id FROM call_sorts WHERE judge = 'better')"
        )
    before, made = plan()["judges"]["better"], plan("--pilot", "pilot")["judges"]["better"]
    assert made["calls"] == before["calls"] == 2 * 2 * 5  # both orders of a pair for each task and draw
    assert made["input_tokens"] == 1000 * made["calls"] != before["input_tokens"]


def test_a_judge_that_is_planned_more_draws_than_the_pilot_had_takes_more(path: Path) -> None:
    invoked("run", str(path), "--draws", "1", "--out", "pilot", "--quiet")
    made = plan("--pilot", "pilot", "--set", "judges.good.draws=3")
    assert made["judges"]["good"]["calls"] == 3 * 5 * 4


def test_what_programs_of_an_agent_ask_has_the_price_of_their_model(path: Path) -> None:
    programs = "  programs: {model: default, tokens: 300}\n"
    path.write_text(path.read_text().replace("organization:\n", f"organization:\n{programs}"))
    invoked("run", str(path), "--draws", "1", "--out", "pilot", "--quiet")
    whole = plan("--pilot", "pilot")
    with closing(sqlite3.connect(Path("pilot", DATABASE))) as connection, connection:
        assert connection.execute("UPDATE names SET name = 'product/ann' WHERE name = 'ann'").rowcount
    assert plan("--pilot", "pilot")["agents"] == whole["agents"]
