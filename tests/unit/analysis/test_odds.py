"""The odds ratio beside the mixed model, through a run of answers that are right or wrong."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

import agentlab
from agentlab.analysis.contrasts.mixed import mixed
from agentlab.runs.frames import Run
from tests.support.numbers import close
from tests.support.scenarios import match, measured, numbered, scenario
from tests.support.tables import only, rows


def answering(right: float) -> dict[str, object]:
    return {"replies": {"*": {"Answer: A": right, "Answer: B": 1 - right}}}


def written() -> str:
    """Ten tasks of twelve draws; one arm is right in .6, the others in .3 and always."""
    levels = {name: {"models": {"default": {"options": answering(p)}}} for name, p in (("weak", 0.3), ("sure", 1.0))}
    return scenario(
        "odds",
        seed=2,
        models={"default": {"name": "sim/replies", "options": answering(0.6)}},
        tasks=numbered(10, target="A"),
        factors={"team": {"good": {}, **levels}},
        draws=12,
        judges={"answer": match("choice", choices=["A", "B"])},
        measures={"correct": measured("answer")},
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("odds")
    (folder / "s.yaml").write_text(written(), encoding="utf-8")
    return asyncio.run(agentlab.run(folder / "s.yaml", folder / "run"))


def test_the_odds_ratio_of_a_run(run: Run) -> None:
    found = mixed(run)
    row = only(found, "odds", contrast="good - weak")
    line = only(found, "mixed", contrast="good - weak")
    assert row["odds_ratio_low"] < 0.6 * 0.7 / (0.4 * 0.3) < row["odds_ratio_high"]
    assert row["difference_low"] < 0.3 < row["difference_high"]
    close(row["difference"], line["estimate"], rtol=0.03)
    assert row["p"] < 0.001
    assert (row["levels"], row["tasks"]) == (2, 10)
    assert found.shown == 2


def test_an_arm_that_is_always_right_has_no_odds_ratio_and_says_so(run: Run) -> None:
    found = mixed(run)
    assert not rows(found, "odds", contrast="good - sure")
    told = "no odds ratio: all scores of arm b are 1, so the odds ratio is infinite"
    assert f"{told} (correct, good - sure; correct, weak - sure)" in found.notes


def test_scores_of_many_levels_have_no_odds_ratio(run: Run) -> None:
    many, measures = agentlab.load(run.folder), run.measures.copy()
    measures["correct"] = np.random.default_rng(0).uniform(size=len(measures))
    many.__dict__["measures"] = measures
    found = mixed(many)
    assert "odds" not in found.tables
    assert "240 different scores, and the limit is 10" in " ".join(found.notes)


def test_scores_that_one_odds_ratio_does_not_describe_are_told(run: Run) -> None:
    """The better arm has more of the highest scores and of the lowest ones."""
    mixed_up, measures = agentlab.load(run.folder), run.measures.copy()
    wrong = measures["team"].map({"good": 0.0, "weak": 0.3, "sure": 0.3}).astype("float64")
    measures["correct"] = measures["correct"].where(measures["correct"] == 1, wrong)
    mixed_up.__dict__["measures"] = measures
    measures = measures[measures["team"] != "sure"]
    a, b = (measures.loc[measures["team"] == team, "correct"].mean() for team in ("good", "weak"))
    told = [note for note in mixed(mixed_up).notes if "one odds ratio does not describe these scores" in note]
    assert len(told) == 1
    assert f"where the means differ by {a - b:+.3f}" in told[0]
    assert "good - weak" in told[0]


def test_tasks_that_share_a_source_are_clusters(run: Run, tmp_path: Path) -> None:
    alike = agentlab.load(run.folder)
    tasks = sorted(set(run.rollouts["task"].astype(str)))
    alike.clusters = {task: f"c{min(i, 6)}" for i, task in enumerate(tasks)}
    one, clustered = (only(mixed(each), "odds", contrast="good - weak") for each in (run, alike))
    assert clustered["odds_ratio"] == pytest.approx(one["odds_ratio"])
    assert clustered["odds_ratio_low"] != pytest.approx(one["odds_ratio_low"])
