"""Several runs: listed, compared, put together, and made from one scenario with values set on the command line."""

import json
import shutil
import sqlite3
from contextlib import chdir, closing
from functools import reduce
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from agentlab_cli.main import app
from typer.testing import CliRunner

import agentlab
from agentlab.analysis.contrasts.difference import arm_values
from agentlab.errors import AgentlabError, AnalysisError, ScenarioError, StoreError
from agentlab.scenario.loading import load
from agentlab.store.lock import hold, release
from tests.support.firm import BASE

CHANGES = {
    "name: firm\n": "name: firm\nseed: 7\n",
    '{prompt: "Help {{client}}.", fields: {client: Bank}}': "{prompt: Help., target: 42}",
    BASE[BASE.index("judges:") : BASE.index("limits:")]: (
        "judges: [final_number]\nmeasures:\n  correct: {judge: final_number, unparsed: 0, truncated: 0}\n"
    ),
}
SCENARIO = reduce(lambda text, change: text.replace(*change), CHANGES.items(), BASE)
NUMBERS = "models.default={name: sim/replies, options: {replies: {'*': {'41': 0.5, '42': 0.5}}}}"


def command(*words: str) -> str:
    """What the command prints; its error is raised."""
    done = CliRunner().invoke(app, list(words))
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`old`, `same` of the same seed with another rounds limit, `other` of another seed and of the firm alone."""
    folder = tmp_path_factory.mktemp("several")
    with chdir(folder):
        Path("firm.yaml").write_text(SCENARIO, encoding="utf-8")
        command("run", "firm.yaml", "--out", "runs/old", "--set", "draws=4")
        command("run", "firm.yaml", "--out", "runs/same", "--set", "draws=4", "--set", "organization.rounds=3")
        command("run", "firm.yaml", "--out", "runs/other", "--set", "seed=8", "--set", "factors.team.solo=null")
    return folder


@pytest.fixture
def runs(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh copy, as the working directory."""
    shutil.copytree(made, tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


def test_a_list_has_every_run_with_its_state(runs: Path) -> None:
    Path("runs/same/run.db").write_bytes(b"SQLite format 3\0 and no more")
    listed = {row["run"]: row for row in json.loads(command("list", "--json"))["runs"]}
    assert {name: row["state"] for name, row in listed.items()} == {
        "old": "finished",
        "same": "damaged",
        "other": "finished",
    }
    old = listed["old"]
    assert (old["done"], old["planned"], old["failed"], old["scenario"], old["cost"]) == (8, 8, 0, "firm", 0.0)
    assert old["calls"] == len(agentlab.load("old").calls)
    assert "agentlab doctor" in listed["same"]["problem"]
    assert listed["same"]["cost"] is None
    *sound, damaged = command("list", "-q").split()
    assert (set(sound), damaged) == ({"runs/other", "runs/old"}, "runs/same")
    assert "8/8" in command("list")


def test_the_doctor_counts_the_rollouts_that_the_list_counts(runs: Path) -> None:
    command("resample", "old", "--every-round", "--parents", "1", "-n", "2")
    forks = len(agentlab.load("old").forks)
    assert forks > 0
    assert f"What can be read: 8 rollouts, {forks} of kind fork, 2 conditions, " in command("doctor", "old")
    assert "8/8" in command("list")


def test_a_run_that_is_not_whole_is_stopped_and_one_at_work_is_running(runs: Path) -> None:
    command("run", "firm.yaml", "--out", "runs/pilot", "--draws", "1")
    with closing(sqlite3.connect("runs/pilot/run.db")) as connection, connection:  # as a killed command leaves it
        connection.execute("UPDATE meta SET value = json_set(value, '$[0].draws', 2) WHERE key = 'asked'")
    rows = {row["run"]: row for row in json.loads(command("list", "--json"))["runs"]}
    assert (rows["pilot"]["state"], rows["pilot"]["done"], rows["pilot"]["planned"]) == ("stopped", 2, 4)
    lock = hold(Path("runs/pilot"))
    rows = {row["run"]: row for row in json.loads(command("list", "--json"))["runs"]}
    release(Path("runs/pilot"), lock)
    assert rows["pilot"]["state"] == "running"


def test_values_are_set_recorded_and_held_to(runs: Path) -> None:
    run = agentlab.load("same")
    assert run.meta["options"] == ["--set draws=4", "--set organization.rounds=3"]
    assert run.meta["tree"]["organization"]["rounds"] == 3
    assert "with --set draws=4, --set organization.rounds=3" in command("show", "same")
    with pytest.raises(AgentlabError, match=r"organization\.rounds: was 3, is 4"):
        command("run", "firm.yaml", "--out", "runs/same", "--set", "draws=4")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("drwas=3", "--set drwas: a scenario has no 'drwas'; did you mean 'draws'?"),
        ("models.defualt.timeout=3", "--set models.defualt.timeout: models.defualt: models has no 'defualt'"),
        ("models.default.timeuot=3", "models.default.timeuot: unknown field 'timeuot'; did you mean 'timeout'?"),
        ("draws=many", "--set draws: found 'many'; write a whole number"),
        ("draws", "write PATH=VALUE"),
        ("draws={a: 1", "--set draws: "),
        ("name.x=1", "name has no fields"),
        ("organization.agents.boss.system=!file ../x", "outside"),
    ],
)
def test_a_mistake_in_a_value_points_to_the_option(runs: Path, value: str, told: str) -> None:
    with pytest.raises(AgentlabError) as caught:
        command("check", "firm.yaml", "--set", value)
    assert told in str(caught.value)


def test_values_reach_lists_judges_and_names_with_dots(runs: Path) -> None:
    Path("firm.yaml").write_text(SCENARIO.replace("  loan:", "  loan.v2:"), encoding="utf-8")
    sets = ("tasks.loan.v2.target=7", "judges.final_number.tolerance=0.5", "organization.protocol.start[0]=hand")
    told = json.loads(command("check", "firm.yaml", "--json", *(word for one in sets for word in ("--set", one))))
    assert told["options"] == [f"--set {one}" for one in sets]
    tree: Any = load("firm.yaml", values=sets).tree
    assert tree["tasks"]["loan.v2"]["target"] == "7"
    assert tree["organization"]["protocol"]["start"] == ["hand"]


def test_a_comparison_says_what_differs_and_pairs_draws_of_one_seed_only(runs: Path) -> None:
    found = json.loads(command("compare", "old", "same", "--json"))
    paths = {row["path"]: (row["first"], row["second"]) for row in found["differences"]}
    assert paths["organization.rounds"] == (4, 3)
    assert [(row["condition"], row["paired"], row["pairs"]) for row in found["measures"]] == [
        ("team=firm", True, 4),
        ("team=solo", True, 4),
    ]
    assert any("not randomized against each other" in note for note in found["notes"])
    other = json.loads(command("compare", "old", "other", "--json"))
    assert [(row["condition"], row["paired"], row["pairs"]) for row in other["measures"]] == [
        ("team=firm", False, None)
    ]
    assert "Only in old: team=solo." in other["notes"]
    crossed = json.loads(command("compare", "old", "other", "--a", "team=solo", "--b", "team=firm", "--json"))
    assert crossed["measures"][0]["condition"] == "team=solo | team=firm"
    with pytest.raises(AnalysisError, match="did you mean 'team=solo'"):
        command("compare", "old", "other", "--a", "team=slo", "--b", "team=firm")
    told = command("compare", "old", "same", "--csv", "tables")
    assert "old, same: means [95% CI for these tasks]" in told
    assert "difference: same minus old [95% CI for new tasks, if there are enough]" in told
    assert {path.name for path in Path("tables").iterdir()} == {"compare.csv", "compare_differences.csv"}


def test_a_comparison_names_a_few_of_many_conditions(runs: Path) -> None:
    levels = ", ".join(f"r{n}: {{organization: {{rounds: {n}}}}}" for n in range(5, 11))
    command("run", "firm.yaml", "--out", "runs/wide", "--set", f"factors.team={{firm: {{}}, {levels}}}")
    found = json.loads(command("compare", "wide", "other", "--json"))
    assert "Only in wide: team=solo; team=r5; team=r6; team=r7; and 3 more." in found["notes"]


def test_a_seed_is_told_exactly_where_the_other_scenario_has_none(runs: Path) -> None:
    Path("firm.yaml").write_text(SCENARIO.replace("seed: 7\n", ""), encoding="utf-8")
    command("run", "firm.yaml", "--out", "runs/drawn", "--set", "draws=4")
    found = json.loads(command("compare", "drawn", "old", "--json"))
    seeds = [(row["first"], row["second"]) for row in found["differences"] if row["path"] == "seed"]
    drawn = agentlab.load("drawn").meta["seed"]
    assert seeds == [(None, 7), (drawn, 7)]
    assert f"seed: {drawn} → 7" in command("compare", "drawn", "old")


def test_a_difference_is_that_of_the_contrasts_statistics(runs: Path) -> None:
    command("run", "firm.yaml", "--out", "runs/x", "--set", NUMBERS, "--set", "draws=8")
    command("run", "firm.yaml", "--out", "runs/y", "--set", NUMBERS, "--set", "draws=8", "--set", "seed=9")
    row = agentlab.compare("x", "y").tables["measures"].iloc[0]
    x, y = (run.measures[run.measures["condition"] == "team=firm"] for run in map(agentlab.load, "xy"))
    expected = arm_values(y, x, agentlab.load("x").measured[0], False, {}).difference(0.95)
    assert row["difference"] == expected.difference
    assert row["difference"] == pytest.approx(y["correct"].mean() - x["correct"].mean())
    assert expected.these_tasks is not None
    assert (row["these_tasks_low"], row["these_tasks_high"]) == (expected.these_tasks.low, expected.these_tasks.high)


def test_runs_are_loaded_by_name_and_put_together(runs: Path) -> None:
    several = agentlab.concat(["old", Path("runs/same"), agentlab.load("other")])
    assert list(several.measures.columns[:2]) == ["run", "rollout"]
    assert several.rollouts["rollout"].is_unique
    sizes = several.rollouts.groupby("run", observed=True).size().to_dict()
    assert sizes == {name: len(agentlab.load(name).rollouts) for name in ("old", "same", "other")}
    joined = several.measures.merge(several.rollouts[["rollout", "calls"]], on="rollout", validate="one_to_one")
    assert len(joined) == len(several.measures)
    assert set(several.calls["rollout"]) <= set(several.rollouts["rollout"])
    assert isinstance(several.conditions, pd.DataFrame)
    with pytest.raises(AnalysisError, match="given twice"):
        agentlab.concat(["old", "runs/old"])
    with pytest.raises(StoreError, match="did you mean 'old'"):
        agentlab.load("odl")


def test_a_mistake_in_a_model_is_found_by_check_and_leaves_no_run(workdir: Path) -> None:
    wrong = SCENARIO.replace("sim/chatter", "sim/replies, options: {replies: {'*': {a: 0.9, b: 0.5}}}", 1)
    Path("firm.yaml").write_text(wrong, encoding="utf-8")
    for name in ("check", "run"):
        with pytest.raises(ScenarioError, match=r"^firm.yaml:5:\d+: models.default.options: .*sum to 1.4"):
            command(name, "firm.yaml")
    assert not Path("runs").exists()


def test_what_fails_before_it_begins_leaves_no_folder(workdir: Path) -> None:
    Path("runs/kept").mkdir(parents=True)
    Path("runs/kept/note.txt").touch()
    Path("firm.yaml").write_text(SCENARIO, encoding="utf-8")
    for folder in ("runs/bare", "runs/kept"):
        words = ["run", "firm.yaml", "--out", folder, "--base-url", "default=http://127.0.0.1:1/v1"]
        with pytest.raises(ScenarioError, match="has no address"):
            command(*words)
    assert [path.name for path in sorted(Path("runs").rglob("*"))] == ["kept", "note.txt"]


def test_wrong_answers_are_listed_alone(workdir: Path) -> None:
    Path("firm.yaml").write_text(SCENARIO, encoding="utf-8")
    command("run", "firm.yaml", "--out", "numbers", "--set", "draws=4", "--set", NUMBERS)
    measures = agentlab.load("numbers").measures
    wrong = measures.loc[measures["correct"] == 0, "rollout"]
    listing = command("show", "numbers", "--status", "wrong")
    assert 0 < len(wrong) < len(measures)
    assert listing.startswith(f"firm: wrong: {len(wrong)} of {len(measures)} rollouts")
    assert all((key[:8] in listing) == (key in set(wrong)) for key in measures["rollout"])
