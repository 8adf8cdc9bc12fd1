"""Components of a run: the variances that a simulated firm was given are found through the public entry."""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import agentlab
from agentlab.analysis.analysis import Analysis
from agentlab.analysis.components.components import components
from agentlab.analysis.components.nested import judged, named, nested, template
from agentlab.errors import AnalysisError
from agentlab.runs.frames import Run
from tests.support.scenarios import chain, known, match, measured, numbered, rubric, scenario


def written(tasks: dict[str, Any], draws: int, *, rerun: bool = False) -> str:
    """The scenario; `rerun` puts a judge that runs the product again in the place of one that compares.

    The scales are so fine that rounding a score adds next to nothing.
    """
    return scenario(
        "spread",
        seed=5,
        models={
            "default": known(
                base={"utility": 0.5, "misalignment": 0.5},
                task_sd={"utility": 0.05},
                draw_sd={"utility": 0.06, "misalignment": 0.04},
            ),
            "judge": known(
                criteria={"utility": ["focus", "value"], "misalignment": ["harm"]},
                judge_sd={"utility": 0.07, "misalignment": 0.03},
            ),
        },
        tasks=tasks,
        organization=chain(["me"], says="You plan."),
        draws=draws,
        judges={
            "quality": rubric({"focus": "Focused?", "value": "Of value?"}, draws=3),
            "ethics": rubric({"harm": "Harmless?"}, draws=2),
            "once": rubric({"focus": "Focused?"}),
            "cold": rubric({"value": "Of value?"}, draws=2, settings={"temperature": 0}),
            **({"works": {"kind": "rerun_here:Product"}} if rerun else {"number": match("exact")}),
        },
        measures={
            "utility": measured("quality", 0, 1, criteria="all"),
            "focus": measured("quality", 0, 1, criteria=["focus"]),
            "value": measured("quality", 0, 10, criteria=["value"]),
            "harm": measured("ethics", 1, 0, criteria="all"),
            "once": measured("once", 0, 1, criteria="all"),
            "cold": measured("cold", 0, 1, criteria="all"),
        },
    )


def plans(count: int, *, paired: bool = False) -> dict[str, Any]:
    """Tasks; `paired` gives every two of them a context."""
    tasks = numbered(count, "Plan {}", target="none")
    return {
        name: {**task, "fields": {"context": i // 2, "twin": i}} if paired else task
        for i, (name, task) in enumerate(tasks.items())
    }


async def play(folder: Path, tasks: dict[str, Any], draws: int) -> Run:
    path = folder / "s.yaml"
    path.write_text(written(tasks, draws), encoding="utf-8")
    return await agentlab.run(path, folder / "run")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("components")


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    """Ten tasks of twelve draws."""
    return asyncio.run(play(folder, plans(10), 12))


def row(found: Analysis, measure: str, level: str, table: str = "components") -> dict[str, Any]:
    """The one row of a measure and level."""
    rows = found.tables[table]
    (only,) = rows[(rows["measure"] == measure) & (rows["level"] == level)].to_dict("records")
    return {str(key): value for key, value in only.items()}


def scored(found: Analysis, measure: str) -> dict[str, Any]:
    """The row of the one arm in `rollouts`."""
    rows = found.tables["rollouts"]
    (only,) = rows[rows["measure"] == measure].to_dict("records")
    return {str(key): value for key, value in only.items()}


def test_what_was_planted_is_found_within_its_limits(run: Run) -> None:
    """One interval in twenty misses; the scenario's seed is one with which none of these does."""
    found = components(run)
    truth = {("utility", "draw"): 0.06**2, ("utility", "judge draw"): 0.07**2, ("utility", "task"): 0.05**2}
    truth |= {("harm", "draw"): 0.04**2, ("harm", "judge draw"): 0.03**2, ("harm", "task"): 0.0}
    truth |= {("value", "draw"): 0.6**2, ("value", "judge draw"): 0.7**2}
    for (measure, level), variance in truth.items():
        one = row(found, measure, level)
        assert one["low"] < variance < one["high"], (measure, level)
    assert found.says.endswith("120 rollouts on 10 tasks.")
    assert row(found, "utility", "judge draw")["groups"] == 360
    shares = found.tables["components"].query("measure == 'utility' and level != 'total'")["share"]
    assert shares.sum() == pytest.approx(1)


def test_the_score_variance_is_less_the_judges(run: Run) -> None:
    one = scored(components(run), "utility")
    values = run.measures.pivot(index="task", columns="draw", values="utility")
    between = float(values.var(axis=1, ddof=1).mean())
    by_draw = run.scores[run.scores["judge"] == "quality"].groupby(["rollout", "judge_draw"], observed=True)["value"]
    judge = float((by_draw.mean() / 100).groupby(level=0).var(ddof=1).mean())
    assert one["between"] == pytest.approx(between)
    assert one["score_variance"] == pytest.approx(between - judge / 3)
    assert one["reliability"] == pytest.approx(1 - judge / 3 / between)
    assert one["score_variance"] == pytest.approx(row(components(run), "utility", "draw")["variance"])
    assert one["rollouts"] == 120


def test_one_judge_draw_and_temperature_0_are_not_separable(run: Run) -> None:
    found = components(run)
    for measure, why in (("once", "each rollout has one judge draw"), ("cold", "the judge runs at temperature 0")):
        for level in ("draw", "judge draw"):
            one = row(found, measure, level)
            assert np.isnan(one["variance"])
            assert one["reads"] == "not separable"
        assert row(found, measure, "draw + judge draw")["variance"] > 0
        assert any(note.startswith(f"{measure}: judge noise not separable: {why}") for note in found.notes)
    assert np.isnan(scored(found, "once")["score_variance"])


def test_measures_of_one_judge_share_its_calls_and_of_two_do_not(run: Run) -> None:
    found = components(run)
    noise = row(found, "focus", "judge draw", "covariances")
    assert noise["other"] == "value"
    assert noise["correlation"] > 0.9  # one call, one error for both criteria
    shared = found.tables["covariances"]
    pair = shared[(shared["measure"] == "utility") & (shared["other"] == "harm")]
    assert list(pair["level"]) == ["task", "draw"]
    assert any(note.startswith("the measures come from two judges: no judge draw is shared") for note in found.notes)
    only = components(run, measure="harm")
    assert set(only.tables["components"]["measure"]) == {"harm"}
    pairs = only.tables["covariances"][["measure", "other"]]
    assert (pairs == "harm").any(axis=1).all()


def test_a_constant_measure_is_told(run: Run) -> None:
    assert any(note.startswith("number: no components: constant scores") for note in components(run).notes)
    with pytest.raises(AnalysisError, match="number: no components: constant scores"):
        components(run, measure="number")


def test_a_judge_that_asks_no_model_has_no_noise(run: Run) -> None:
    copy, judged_once = agentlab.load(run.folder), components(run, measure="once")
    copy.meta["judges"]["once"] = None
    found = components(copy, measure="once")
    rows = found.tables["components"]
    assert list(rows["level"]) == ["task", "draw", "total"]
    assert list(rows["groups"]) == [10, 120, 120]
    merged, draw = row(judged_once, "once", "draw + judge draw"), row(found, "once", "draw")
    assert [draw[name] for name in ("variance", "low", "high")] == pytest.approx(
        [merged[name] for name in ("variance", "low", "high")]
    )
    one = scored(found, "once")
    assert (one["noise"], one["reliability"]) == (0, 1)
    assert "once: its judge does not call a model, so there is no judge noise" in found.notes


def test_nested_gives_the_judge_draws_as_arrays(run: Run) -> None:
    tasks, draws, values = nested(run, str(run.conditions["condition"].iloc[0]), "utility")
    assert len(tasks) == len(draws) == len(values) == 360
    table = pd.DataFrame({"task": tasks, "draw": draws, "value": values})
    means = table.groupby(["task", "draw"])["value"].mean().unstack()
    known = run.measures.pivot(index="task", columns="draw", values="utility")
    np.testing.assert_allclose(means.to_numpy(), known.sort_index().to_numpy())
    with pytest.raises(AnalysisError, match="no measure 'nosuch'; it has utility, focus"):
        nested(run, "x", "nosuch")
    with pytest.raises(AnalysisError, match="not scored in condition 'x'"):
        nested(run, "x", "utility")


def test_judge_draws_without_all_criteria_do_not_count(run: Run) -> None:
    scores = run.scores
    broken = scores.index[(scores["judge"] == "quality") & (scores["criterion"] == "focus")][:2]
    copy = agentlab.load(run.folder)
    changed = scores.copy()
    changed.loc[broken, ["outcome", "value"]] = ["unparsed", np.nan]
    copy.__dict__["scores"] = changed
    assert len(judged(copy, named(copy, "utility"))) == 358
    assert len(judged(copy, named(copy, "value"))) == 360
    rows = components(copy, measure="utility").tables["components"].set_index("level")
    assert rows.loc["judge draw", "groups"] == 358
    changed.loc[scores["rollout"] == scores["rollout"].iloc[0], ["outcome", "value"]] = ["refused", np.nan]
    copy.__dict__["scores"] = changed
    notes = components(copy, measure="utility").notes
    assert any("1 rollouts without a complete judge draw" in note for note in notes)


async def test_tasks_that_share_a_context_are_nested_in_it(tmp_path: Path) -> None:
    run = await play(tmp_path, plans(12, paired=True), 3)
    assert template(run).names == ("context", "task", "draw", "judge draw")
    assert template(run, "twin").names == ("twin", "task", "draw", "judge draw")
    found = components(run, measure="utility")
    assert [str(level) for level in found.tables["components"]["level"]] == [
        "context",
        "task",
        "draw",
        "judge draw",
        "total",
    ]
    assert list(found.tables["components"]["groups"]) == [6, 12, 36, 108, 108]
    assert row(found, "utility", "draw")["low"] < 0.06**2 < row(found, "utility", "draw")["high"]
    assert scored(found, "utility")["score_variance"] == pytest.approx(row(found, "utility", "draw")["variance"])
    with pytest.raises(AnalysisError, match="one task in every twin"):
        components(run, measure="utility", by="twin")
    with pytest.raises(
        AnalysisError, match=r"'nosuch' is not a field of every task \(fields of every task: context, twin\)"
    ):
        components(run, by="nosuch")


async def test_few_tasks_are_fixed_and_one_draw_tells_nothing(tmp_path: Path) -> None:
    run = await play(tmp_path, plans(3), 2)
    found = components(run, measure="utility")
    one = row(found, "utility", "task")
    assert np.isfinite(one["variance"])
    assert pd.isna(one["low"])
    assert "utility: these 3 tasks only: their variance and the total have no limits" in found.notes
    alone = tmp_path / "alone"
    alone.mkdir()
    single = await play(alone, plans(3), 1)
    with pytest.raises(AnalysisError, match="utility: no components: one draw in every task"):
        components(single, measure="utility")


RERUN = '''
import random
from agentlab.types import Verdict

class Product:
    """Runs what was made again: how well it goes is luck of its own each time."""
    draws, criteria = 3, {"works": (0, 1)}

    async def __call__(self, judge_input, client):
        return [Verdict("works", "scored", random.Random(client.seed).uniform(0.3, 0.7))]
'''


async def test_a_judge_that_asks_no_model_and_is_asked_again_runs_the_product_again(workdir: Path) -> None:
    Path("rerun_here.py").write_text(RERUN, encoding="utf-8")
    path = workdir / "s.yaml"
    path.write_text(written(plans(6), 6, rerun=True), encoding="utf-8")
    found = components(await agentlab.run(path, workdir / "run"), "works")
    again = row(found, "works", "product rerun")
    assert again["low"] < 0.4**2 / 12 < again["high"]  # of a uniform number
    assert abs(row(found, "works", "draw")["variance"]) < 0.4**2 / 12


@pytest.mark.parametrize(
    ("shares", "told"),
    [
        ((0.25, 0.75), "utility, all: share of the variance: task 25%, draw 75%."),
        ((float("nan"), 1.0), "utility, all: the shares of the variance are too uncertain to tell."),
        ((-0.5, 1.5), "utility, all: the shares of the variance are too uncertain to tell."),
    ],
)
def test_no_share_of_the_variance_is_told_that_cannot_be_one(run: Run, shares: tuple[float, ...], told: str) -> None:
    found = components(run, measure="utility")
    table = pd.DataFrame({"measure": "utility", "condition": "all", "level": ["task", "draw"], "share": shares})
    assert found.result is not None
    assert found.result({"components": table}) == told
