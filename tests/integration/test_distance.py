"""How far each generation of a loop is from the base: its replies scored under both, on tables of known probability."""

import json
import math
from collections import Counter
from pathlib import Path

import pytest

from agentlab.analysis.analyse import analyse
from agentlab.errors import ScenarioError
from agentlab.report.generations import charts
from agentlab.runs.frames import Run, load
from agentlab.scenario.loading import load as load_design
from tests.support.loops import TABLE, improve, play, trained, written
from tests.support.scenarios import chain


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return trained(tmp_path_factory.mktemp("loop"), improve=improve(generations=1, kl="test"))


def learned(run: Run, agent: str = "me") -> dict[str, float]:
    """The table of the agent in generation 1."""
    (file,) = (run.folder / "weights").glob("1-*/rows.jsonl")
    made = [json.loads(line) for line in file.read_text().splitlines()]
    counts = Counter(row["messages"][-1]["content"] for row in made if row["agent"] == agent)
    return {text: count / counts.total() for text, count in counts.items()}


def test_each_reply_has_its_probability_under_both_tables(run: Run) -> None:
    found = run.distances
    assert len(found) == 12
    assert set(found["task"].astype("str").str[:4]) == {"test"}
    outputs = run.rollouts.set_index("rollout")["output"]
    said = [str(outputs[key]) for key in found["rollout"].astype("str")]
    now = learned(run)
    assert found["log_probability"].tolist() == pytest.approx([math.log(now[text]) for text in said])
    assert found["base_log_probability"].tolist() == pytest.approx([math.log(TABLE[text]) for text in said])


def test_the_analysis_has_its_mean_and_a_figure(run: Run) -> None:
    found = analyse(run, "generations", {})
    table = found.tables["distance"]
    assert table["kl"].tolist() == pytest.approx([0.0, run.distances["log_ratio"].mean()])
    assert [chart.name for chart in charts(found, {})] == ["distance"]


def test_it_is_added_to_a_finished_loop_and_costs_its_own_calls_once(tmp_path: Path) -> None:
    path = written(tmp_path, improve=improve(generations=1))
    play(path, tmp_path / "run")
    before = load(tmp_path / "run").rollouts
    path = written(tmp_path, improve=improve(generations=1, kl="test"))
    assert play(path, tmp_path / "run").made.calls == 24
    assert play(path, tmp_path / "run").made.calls == 0
    after = load(tmp_path / "run")
    assert after.rollouts.equals(before)
    assert after.calls["purpose"].value_counts().to_dict() == {"agent": 48, "distance": 24}


def test_in_a_team_it_is_the_sum_over_the_replies_of_those_who_learn(tmp_path: Path) -> None:
    replies = {"name": "sim/replies", "options": {"replies": {"*": TABLE}}}
    team = chain(["drafter"], ["checker"], ["editor"])
    team["agents"]["editor"] = {"model": "fixed"}
    models = {"default": replies, "fixed": replies}
    run = trained(tmp_path, models=models, organization=team, improve=improve(generations=1, kl="test"))
    assert set(run.distances["replies"]) == {2}
    one = run.distances.iloc[0]
    own = (run.calls["rollout"] == str(one["rollout"])) & run.calls["actor"].isin(["drafter", "checker"])
    said: list[tuple[str, str]] = [*run.calls.loc[own, ["actor", "text"]].itertuples(index=False)]
    ratios = [math.log(learned(run, actor)[text] / TABLE[text]) for actor, text in said]
    assert one["log_ratio"] == pytest.approx(sum(ratios))


def test_a_rollout_with_a_reply_that_was_cut_off_is_left_out_and_counted(tmp_path: Path) -> None:
    models = {"default": {"name": "tests.support.cutting:Model"}}
    run = trained(tmp_path, models=models, improve=improve(generations=1, kl="test", by={"kind": "exemplars"}))
    cut = run.rollouts.set_index("rollout")["output_cut"]
    left = run.distances.set_index("rollout")["left_out"]
    assert 0 < left.notna().sum() < len(left)
    assert (left == "a reply was cut off").tolist() == [bool(cut[str(key)]) for key in left.index]
    table = analyse(run, "generations", {}).tables["distance"]
    assert table["left out"].iloc[1] == left.notna().sum()


def test_a_rollout_with_a_reply_whose_scoring_is_refused_is_left_out_and_counted(tmp_path: Path) -> None:
    models = {"default": {"name": "tests.support.cutting:Refusing"}}
    run = trained(tmp_path, models=models, improve=improve(generations=1, kl="test", by={"kind": "exemplars"}))
    left = run.distances["left_out"]
    assert 0 < left.notna().sum() < len(left)
    assert set(left.dropna()) == {"the model refused to score a reply"}
    assert run.distances["log_ratio"].isna().tolist() == left.notna().tolist()


@pytest.mark.parametrize(
    ("split", "model", "says"),
    [
        ("tests", "sim/replies", "did you mean 'test'"),
        ("test", "openai/gpt-5.2", "does not give the probability of a given reply"),
    ],
)
def test_what_cannot_be_scored_is_found_before_the_first_call(
    tmp_path: Path, split: str, model: str, says: str
) -> None:
    options = {"options": {"replies": {"*": TABLE}}} if model.startswith("sim") else {}
    by = {"kind": "shares"} if options else {"kind": "exemplars"}
    path = written(tmp_path, models={"default": {"name": model, **options}}, improve=improve(kl=split, by=by))
    with pytest.raises(ScenarioError, match=says):
        load_design(path)
