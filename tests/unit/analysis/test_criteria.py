"""Contrasts by criterion: the numbers of a planted run by hand, missing scores, clusters, simultaneous coverage."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from agentlab.analysis.analyse import analyse
from agentlab.analysis.contrasts.criteria import criteria
from agentlab.errors import AnalysisError
from agentlab.runs.frames import Run, load
from agentlab.stats.contrasts import anytime
from agentlab.stats.contrasts.paired import Paired, paired
from agentlab.stats.contrasts.sequential import level
from bench.coverage_criteria import simultaneous
from tests.support.planted import PRIMARY, play, scenario
from tests.support.tables import rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Of a run whose measure utility has the criteria good and apt, and whose measure harm has one."""
    where = tmp_path_factory.mktemp("criteria")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(where)
        scenario(PRIMARY)
        play()
        yield (where / "run").resolve()


def by_hand(run: Run, criterion: str, **how: object) -> Paired:
    """Firm minus solo in a plain tone, of a rubric from 1 to 10 whose measure goes from 0 to 1."""
    chosen = run.scores[(run.scores["criterion"] == criterion) & (run.scores["tone"] == "plain")]
    scale, span = (measure := run.measured[0]).scales[criterion], measure.range
    share = (chosen["value"] - scale[0]) / (scale[1] - scale[0])
    scored = chosen.assign(value=span[0] + share * (span[1] - span[0]))
    wide = scored.pivot_table(index=["task", "draw"], columns="team", values="value", observed=True, dropna=False)
    tasks, draws = (wide.index.get_level_values(name).tolist() for name in ("task", "draw"))
    return paired(tasks, draws, wide["firm"].to_numpy(), wide["solo"].to_numpy(), 1 - 0.05 / 2, **how)  # pyright: ignore[reportArgumentType]


def test_each_criterion_is_compared_on_the_range_of_its_measure(folder: Path) -> None:
    run = load(folder)
    found = criteria(run)
    assert set(found.tables["criteria"]["measure"]) == {"utility"}, "harm has one criterion"
    for name in ("good", "apt"):
        (row,) = rows(found, "criteria", contrast="firm - solo (tone=plain)", criterion=name)
        result = by_hand(run, name, most=1.0)
        assert result.new_tasks is not None
        ends = (result.difference, result.new_tasks.low, result.new_tasks.high, min(1, 2 * result.new_tasks.p))
        assert [row[k] for k in ("difference", "difference_low", "difference_high", "p")] == pytest.approx(ends)
    table = analyse(run, "contrasts", {"measure": "utility"}).tables["contrasts"].set_index("contrast")["difference"]
    means = found.tables["criteria"].groupby("contrast")["difference"].mean()
    assert means.to_dict() == pytest.approx(table.to_dict()), "a measure is the mean of its criteria"


def test_a_criterion_without_a_score_is_missing_and_no_other_is(folder: Path) -> None:
    run = load(folder)
    scores = run.scores.copy()
    gone = run.rollouts[(run.rollouts["team"] == "firm") & (run.rollouts["tone"] == "plain")]["rollout"].iloc[:3]
    lost = (scores["criterion"] == "apt") & scores["rollout"].isin(gone)
    scores.loc[lost, "value"], scores.loc[lost, "outcome"] = np.nan, "unparsed"
    run.__dict__["scores"] = scores
    found = criteria(run)
    shown = {row["criterion"]: row for row in rows(found, "criteria", contrast="firm - solo (tone=plain)")}
    assert [(shown[name]["missing_a"], shown[name]["missing_b"]) for name in ("good", "apt")] == [(0, 0), (3, 0)]
    assert shown["good"]["difference"] == pytest.approx(by_hand(run, "good").difference)
    assert shown["apt"]["difference"] == pytest.approx(by_hand(run, "apt").difference)


def test_tasks_that_share_a_source_are_clusters(folder: Path) -> None:
    run = load(folder)
    tasks = sorted(set(run.rollouts["task"].astype(str)))
    run.clusters = {task: f"c{min(i, 5)}" for i, task in enumerate(tasks)}
    (row,) = rows(criteria(run), "criteria", contrast="firm - solo (tone=plain)", criterion="good")
    interval = by_hand(run, "good", most=1.0, clusters=run.clusters).new_tasks
    assert interval is not None
    assert (row["difference_low"], row["difference_high"]) == pytest.approx((interval.low, interval.high))


def test_what_a_judge_cannot_tell_is_not_shown(folder: Path) -> None:
    run = load(folder)
    run.meta["anchors"]["quality"]["suppressed"] = ["AUC 0.5"]
    table = criteria(run).tables["criteria"]
    assert table[["difference", "difference_low", "p", "mean_a"]].isna().all(axis=None)
    assert set(table["conclusion"]) == {"suppressed"}
    assert criteria(run).headline == "every comparison is suppressed."


def test_a_measure_of_one_criterion_has_no_parts(folder: Path) -> None:
    with pytest.raises(AnalysisError, match="harm has one criterion"):
        criteria(load(folder), "harm")


def test_a_criterion_that_two_measures_value_differently_is_two_comparisons(folder: Path) -> None:
    cases: list[tuple[dict[str, object], int]] = [({"range": [0, 100]}, 2), ({"values": {}}, 4)]
    for more, count in cases:
        run = load(folder)
        utility = run.meta["measures"][0]
        run.meta["measures"].append({**utility, **more, "name": "other"})
        assert f"Number of criteria by judge: quality {count}." in criteria(run, "utility").notes[0]


def test_an_unplanned_look_at_a_primary_contrast_concludes_nothing_on_its_criteria(workdir: Path) -> None:
    scenario(PRIMARY + "looks: {planned: [0.5, 1]}\n")
    found = criteria(play(draws=1))
    shown = rows(found, "criteria", contrast="firm - solo (tone=plain)")
    assert {row["conclusion"] for row in shown} == {"open: unplanned look"}
    assert all(np.isnan(row["p"]) for row in shown)
    assert any("was not planned" in note for note in found.notes)
    found = criteria(play(draws=2))
    width = 100 * (1 - level([0.5], "obrien_fleming", 0.05 / 2))
    assert any(f"of one of 2 criteria are {width:.4g}% intervals" in note for note in found.notes)


def test_looks_at_any_time_are_told_with_the_width_that_criteria_have(workdir: Path) -> None:
    scenario(PRIMARY + "looks: any\n")
    width = 100 * (1 - anytime.level(0.25, 0.05 / 2))
    assert any(f"is as wide as a {width:.4g}% interval" in note for note in criteria(play(draws=1)).notes)


@pytest.mark.parametrize("shared", [0.0, 0.9])
def test_the_intervals_of_all_criteria_hold_at_once(shared: float) -> None:
    """Few experiments here; bench/coverage_criteria.py plays more."""
    found = simultaneous(100, 1, 10, 4, shared, "normal")
    assert found["all_cover"] >= 0.92
    assert found["all_cover"] > found["all_cover_without_adjustment"]
