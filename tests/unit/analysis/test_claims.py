"""No number claims more than its data: few tasks, judges of one draw or that fail, tasks of one arm."""

import asyncio
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import agentlab
from agentlab.analysis.contrasts.mixed import mixed
from agentlab.analysis.direction import better
from agentlab.analysis.frontier import frontier
from agentlab.analysis.incoherence.decomposition import decomposition
from agentlab.analysis.incoherence.length import length
from agentlab.analysis.judges.judges import judges
from agentlab.analysis.judges.labels import labels
from agentlab.analysis.judges.pairs import pairs
from agentlab.analysis.passes import tries
from agentlab.errors import AnalysisError
from agentlab.runs.frames import Run, load
from agentlab.stats.contrasts.paired import paired
from agentlab.stats.incoherence.buckets import buckets
from agentlab.stats.incoherence.choices import votes
from agentlab.stats.incoherence.decompose import brier, unbiased
from agentlab.types import Measure
from tests.support import audited, duel, planted, tried
from tests.support.proven import proven
from tests.support.scenarios import measured, numbered, rubric, scenario
from tests.support.tables import assert_alike


def written(tasks: int) -> str:
    scores = {"one": {"1": 0.3, "0": 0.7}, "two": {"1": 0.6, "0": 0.4}}
    return scenario(
        "met",
        seed=4,
        coupling="none",
        models={
            "default": {"name": "sim/replies", "options": {"replies": {"*": {"Yes, well.": 0.5, "No.": 0.5}}}},
            "judge": {"name": "sim/replies", "options": {"scores": scores}},
        },
        tasks=numbered(tasks),
        factors={"team": {"a": {}, "b": {}}},
        draws=4,
        judges={"met": rubric("one two", 1), "half": rubric("one", 1)},
        measures={"met": measured("met", 0, 1, target=1), "half": measured("half", 0, 1, target=1)},
    )


def binary(tasks: int) -> Run:
    Path("s.yaml").write_text(written(tasks), encoding="utf-8")
    return asyncio.run(agentlab.run("s.yaml", "run"))


def test_slopes_over_few_tasks_have_no_interval(workdir: Path) -> None:
    few, many = judges(binary(5)), judges(binary(7))
    assert few.tables["judges"]["length_low"].isna().all()
    assert few.tables["judges"]["length"].notna().all()
    assert "half, length: no interval: 5 tasks; at least 6 are needed." in few.notes
    assert many.tables["judges"]["length_low"].notna().all()


def test_strengths_over_few_tasks_have_no_interval(workdir: Path) -> None:
    near = ('Taster"}', 'Taster", options: {near: 2}}')
    three = ("[[strong, weak]]", "[[strong, weak], [lazy, weak]]")
    third = "  sale: {prompt: Help the shop.}\n"
    more = "".join(f"  more{i}: {{prompt: Help {i}.}}\n" for i in range(3))
    few = pairs(duel.run(near, three))
    assert few.tables["strengths"]["strength"].notna().all()
    assert few.tables["strengths"]["strength_low"].isna().all()
    assert "taste, better: no interval of a strength: 3 tasks; at least 6 are needed." in few.notes
    many = pairs(duel.run(near, three, (third, third + more), out="more"))
    assert many.tables["strengths"]["strength_low"].notna().all()


def test_one_draw_of_a_judge_is_said_wherever_variances_are(workdir: Path) -> None:
    run = binary(7)
    told = "met: judge noise not separable: each rollout has one judge draw"
    assert told in decomposition(run).notes
    assert told in length(run).notes
    assert told.replace("met", "half") in length(run).notes
    assert any(note.startswith("half: judge noise is not separable, because one") for note in tries(proven(run)).notes)


def test_draws_that_repeat_each_other_take_no_test_from_tasks() -> None:
    """Agents at temperature 0: a second, equal draw of every task changes neither the t over tasks nor its p."""
    gaps = np.array([0.1, 0.4, 0.2, 0.5, 0.3, 0.6])
    once_each = paired(range(6), [0] * 6, gaps, np.zeros(6))
    twice = paired([*range(6)] * 2, [0] * 6 + [1] * 6, np.tile(gaps, 2), np.zeros(12))
    assert_alike(twice.new_tasks, once_each.new_tasks)
    assert twice.these_tasks is None
    assert not twice.constant
    assert twice.notes == ("no interval for these tasks: every pair of a task differs by the same amount",)
    few = paired([0, 0, 1, 1], [0, 1, 0, 1], [1, 1, 3, 3], [0, 0, 0, 0])
    assert few.constant
    assert few.notes[0] == "no interval for these tasks: every pair of a task differs by the same amount"


def test_a_target_in_the_middle_of_its_range_makes_no_end_better(workdir: Path) -> None:
    ends = {0.0: -1, 0.4: -1, 0.5: None, 0.6: 1, 1.0: 1}
    assert {t: better(Measure("m", "j", {"c": (0, 1)}, (1, 0), target=t)) for t in ends} == ends
    copy = load(binary(6).folder)
    copy.meta["measures"] = [{**one, "target": 0.5} for one in copy.meta["measures"]]
    with pytest.raises(AnalysisError, match=r"measures\.met: its target 0\.5 is the middle of its range"):
        frontier(copy, "met,half")


def test_what_a_match_judge_calls_right_is_right_on_a_measure_that_falls(tmp_path: Path) -> None:
    run = asyncio.run(tried.play(tmp_path, 6))
    whole = tries(run, "correct").tables["new_tasks"]
    (correct,) = [one for one in run.meta["measures"] if one["name"] == "correct"]
    run.meta["measures"] = [{**correct, "range": [1, 0], "values": {"unparsed": 1}}]
    assert tries(load_like(run), "correct").tables["new_tasks"].equals(whole)


def load_like(run: Run) -> Run:
    copy = load(run.folder)
    copy.meta = run.meta
    return copy


def test_a_judge_that_fails_its_anchors_leaves_no_uncorrected_difference(workdir: Path) -> None:
    run = binary(7)
    found = labels(run)
    assert list(found.tables) == ["means"]
    assert found.tables["means"]["estimate"].isna().all()
    assert any("half: uncorrected values are suppressed: the judge has no anchor texts" in note for note in found.notes)
    assert len(labels(proven(run)).tables["contrasts"]) == 2
    assert labels(run).tables["means"]["estimate"].notna().all()


def test_what_an_audit_counts_has_bounds(workdir: Path) -> None:
    run = proven(audited.played("measures: {lost: {judge: audit, criteria: [objections_raised]}}"))
    table = judges(run).tables["bounds"].set_index("condition")
    assert table["mean"].to_dict() == table["worst_case_high"].to_dict() == {"team=firm": 2, "team=solo": 0}


def test_a_task_of_one_arm_is_no_degree_of_freedom_of_the_mixed_model(workdir: Path) -> None:
    planted.scenario(planted.PRIMARY)
    run = load(planted.play().folder)
    whole = mixed(run).tables["variances"].iloc[0]
    solo = run.measures["team"] == "solo"
    one, two = (_without(run, solo & run.measures["task"].isin(tasks)) for tasks in (["t0"], ["t0", "t1"]))
    row = mixed(one).tables["variances"].iloc[0]
    assert (whole["tasks"], row["tasks"]) == (7, 6)
    assert row["rollouts"] < whole["rollouts"]
    with pytest.raises(AnalysisError, match="6 tasks with 2 draws"):
        mixed(two)


def _without(run: Run, rows: "pd.Series[bool]") -> Run:
    """The run without the utility of some rollouts."""
    table = run.measures.copy()
    table.loc[rows, "utility"] = np.nan
    copy = load(run.folder)
    copy.__dict__["measures"] = table
    return copy


def test_the_intervals_of_a_bucket_cover() -> None:
    """Plain jackknife limits of its share hold the truth in 90 % of experiments with eight tasks of ten answers."""
    rng, hits, draws = np.random.default_rng(9), 0, 10
    known = rng.beta(1.5, 1, 200_000)
    truth = (1 - known**2 - (1 - known) ** 2 / 3).sum() / (2 * (1 - known)).sum()
    codes = np.repeat(np.arange(16), draws)
    for _ in range(300):
        right = rng.random(len(codes)) < np.repeat(rng.beta(1.5, 1, 16), draws)
        answers = np.where(right, 0, rng.integers(1, 4, len(codes)))
        for one in buckets(np.arange(1.0, 17.0), unbiased(brier(votes(codes, answers, np.zeros(16), 4))), 2):
            low, high = one.incoherence.low, one.incoherence.high
            assert low is not None
            assert high is not None
            hits += low <= truth <= high
    assert 0.935 <= hits / 600 <= 0.975
