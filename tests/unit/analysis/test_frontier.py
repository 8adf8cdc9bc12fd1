"""Frontiers through a run: best of all draws and dominance by hand, equal numbers for all arms, and what is refused."""

import asyncio
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from agentlab_cli.main import app
from typer.testing import CliRunner

import agentlab
from agentlab.analysis.frontier import STEPS, frontier
from agentlab.errors import AnalysisError
from agentlab.runs.frames import Run
from agentlab.store import DATABASE
from tests.support.proven import proven
from tests.support.scenarios import chain, known, match, measured, numbered, rubric, scenario
from tests.support.tables import only, rows


def written(tasks: int) -> str:
    bases = {"good": {"utility": 0.6, "misalignment": 0.3}, "bold": {"utility": 0.8, "misalignment": 0.7}}
    arms = {name: {"models": {"default": {"options": {"base": base}}}} for name, base in bases.items()}
    spread = {"utility": 0.08, "misalignment": 0.08}
    return scenario(
        "edge",
        seed=2,
        models={
            "default": known(base={"utility": 0.4, "misalignment": 0.4}, task_sd={"utility": 0.05}, draw_sd=spread),
            "judge": known(
                criteria={"utility": ["focus", "value"], "misalignment": ["harm"]},
                judge_sd={"utility": 0.05, "misalignment": 0.05},
            ),
        },
        tasks=numbered(tasks, "Plan {}", target="none"),
        organization=chain(["me"], says="You plan."),
        factors={"team": {"weak": {}, **arms}},
        draws=3,
        judges={
            "quality": rubric("focus", draws=2),
            "ethics": rubric("harm", draws=2),
            "once": rubric("focus"),
            "cold": rubric("value", draws=2, settings={"temperature": 0}),
            "fact": match("exact"),
        },
        measures={
            "utility": measured("quality", 0, 1),
            "misalignment": measured("ethics", 1, 0),
            "once": measured("once", 0, 1, target=1),
            "cold": measured("cold", 0, 1, target=1),
            "plain": measured("quality", 0, 1),
            "right": measured("fact", target=1),
        },
    )


async def play(folder: Path, tasks: int) -> Run:
    path = folder / "s.yaml"
    path.write_text(written(tasks), encoding="utf-8")
    return await agentlab.run(path, folder / "run")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Seven tasks of three draws in three arms, by judges that told their anchor texts apart."""
    return proven(asyncio.run(play(tmp_path_factory.mktemp("frontier"), 7)))


def judged(run: Run, judge: str) -> dict[tuple[str, int], float]:
    """By rollout and judge draw, its score from 0 to 100."""
    own = run.scores[run.scores["judge"] == judge]
    return dict(zip(zip(map(str, own["rollout"]), own["judge_draw"], strict=True), own["value"], strict=True))


def test_the_best_is_chosen_by_one_judge_draw_and_placed_by_the_other(run: Run) -> None:
    found, ethics, worth = frontier(run), judged(run, "ethics"), judged(run, "quality")
    cells: dict[str, dict[str, list[str]]] = {}
    for row in run.rollouts.to_dict("records"):
        cells.setdefault(row["condition"], {}).setdefault(row["task"], []).append(row["rollout"])
    for arm, tasks in cells.items():
        band = rows(found, "band", condition=arm)
        assert len(band) == STEPS
        for row in band:
            values: list[float] = []
            least = round(100 - 100 * row["misalignment"])
            for keys in tasks.values():
                for chosen, placed in ((0, 1), (1, 0)):
                    able = [key for key in keys if ethics[key, chosen] >= least]
                    top = max((worth[key, chosen] for key in able), default=None)
                    best = [worth[key, placed] / 100 for key in able if worth[key, chosen] == top]
                    values.append(float(np.mean(best)) if best else 0.0)
            assert row["utility"] == pytest.approx(np.mean(values)), (arm, row)
            assert row["low"] <= row["utility"] <= row["high"]
            assert row["rollouts"] == 3
        ends = [row["placed"] for row in band if row["reached"] > 0]
        assert len(ends) > 1
        assert all(0 <= one <= 1 for one in ends)
    assert [row["misalignment"] for row in rows(found, "band", condition="team=weak")] == pytest.approx(
        np.linspace(1, 0, STEPS)
    )


def test_who_dominates_whom(run: Run) -> None:
    found, means = frontier(run), run.measures
    for arm in ("weak", "good", "bold"):
        row, own = only(found, "arms", condition=f"team={arm}"), means[means["team"] == arm]
        assert [row["utility"], row["misalignment"]] == pytest.approx(own[["utility", "misalignment"]].mean().tolist())
        assert (row["tasks"], row["rollouts"]) == (7, 21)
    assert only(found, "arms", condition="team=weak")["on_frontier"] < 0.01
    assert only(found, "arms", condition="team=good")["on_frontier"] > 0.99
    assert only(found, "arms", condition="team=bold")["on_frontier"] > 0.99
    pair = only(found, "dominance", a="team=weak", b="team=good")
    points = {
        arm: [part[["utility", "misalignment"]].to_numpy() for _, part in own.groupby("task", observed=True)]
        for arm, own in means.groupby("team", observed=True)
    }
    better = [
        float(a[0] <= b[0] and a[1] >= b[1])
        for one, other in zip(points["weak"], points["good"], strict=True)
        for a in one
        for b in other
    ]
    assert pair["b_dominates"] == pytest.approx(np.mean(better))
    assert pair["mean_of_b_dominates"] > 0.99
    assert found.says.startswith(
        "The best utility at each misalignment that 3 rollouts can attain, for 3 arms on 7 tasks"
    )
    (note,) = found.notes
    assert note.startswith("The half that chooses reaches the stated misalignment; `placed` is the mean")


async def test_arms_are_compared_at_one_number_of_rollouts(run: Run) -> None:
    copy, scores = proven(agentlab.load(run.folder)), run.scores.copy()
    own = (scores["judge"] == "ethics") & (scores["condition"] == "team=good")
    scores.loc[own & (scores["task"] == "t0") & (scores["draw"] == 1), "value"] = np.nan
    scores.loc[own & (scores["task"] == "t1"), "value"] = np.nan
    copy.__dict__["scores"] = scores
    found = frontier(copy)
    assert set(found.tables["band"]["rollouts"]) == {2}
    assert "4 rollouts not scored on both measures excluded" in found.notes
    assert "1 task excluded, because an arm has no scored rollout on them" in found.notes
    assert [row["rollouts"] for row in rows(found, "arms")] == [18, 17, 18]


def test_a_judge_without_a_model_needs_one_draw_and_a_cold_one_is_told(run: Run) -> None:
    exact = frontier(run, "right, utility")
    assert set(exact.tables["arms"]["right"]) == {0.0}
    notes = frontier(run, "cold,utility").notes
    told = "cold: the judge runs at temperature 0, so the same judge error would choose and place the best rollouts"
    assert told in notes


@pytest.mark.parametrize(
    ("axes", "why"),
    [
        ("once,utility", "judge 'once' judged every rollout once"),
        (
            "plain,utility",
            "measures.plain has no `target`, so no direction is better; add `target: 1` (or 0, whichever",
        ),
        (
            "utility",
            "a frontier takes two measures, found utility; name two of them with --axes: utility, misalignment, once",
        ),
        ("utility,utility", "a frontier takes two measures"),
        ("utility,beauty", "a frontier takes two measures, found utility,beauty"),
    ],
)
def test_what_is_refused(run: Run, axes: str, why: str) -> None:
    with pytest.raises(AnalysisError) as caught:
        frontier(run, axes)
    assert why in str(caught.value)


def test_judges_that_fail_their_anchors_say_nothing_of_who_is_better(run: Run) -> None:
    with pytest.raises(AnalysisError, match="misalignment, utility: suppressed: the judge has no anchor"):
        frontier(agentlab.load(run.folder))
    assert set(frontier(run).tables) == {"arms", "band", "dominance"}


async def test_few_tasks_have_neither_band_nor_probability(tmp_path: Path) -> None:
    found = frontier(proven(await play(tmp_path, 2)))
    assert found.tables["band"]["low"].isna().all()
    assert found.tables["arms"]["on_frontier"].isna().all()
    assert found.notes[0] == "2 tasks: no band and no probability of means; both need at least 6 tasks"
    assert len(found.notes) == 2


def test_the_command_line_prints_them(run: Run, workdir: Path) -> None:
    words = ["stats", str(run.folder), "frontier", "--axes", "utility,misalignment", "--csv", "out"]
    assert "no conclusion about which arm did better" in str(CliRunner().invoke(app, words).exception)
    copy = Path(shutil.copytree(run.folder, "run"))
    with closing(sqlite3.connect(copy / DATABASE)) as connection, connection:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'anchors'", [json.dumps(run.meta["anchors"])])
    result = CliRunner().invoke(app, ["stats", "run", *words[2:]])
    assert result.exit_code == 0, result.output
    assert "misalignment against utility" in result.stdout
    assert "wrote into out: frontier.csv, frontier_band.csv" in result.stdout
    band = pd.read_csv("out/frontier_band.csv")
    assert list(band.columns)[:5] == ["condition", "utility", "misalignment", "low", "high"]
    assert (band["low"] <= band["misalignment"]).all()
    refused = CliRunner().invoke(app, ["stats", str(run.folder), "passes", "--axes", "utility,misalignment"])
    assert refused.exit_code == 2, "an analysis takes its own options only"


def test_copies_of_tasks_make_no_band_narrower(run: Run) -> None:
    """As where a data file has every row twice, under another name."""
    once = frontier(run)
    copies = agentlab.load(run.folder)
    proven(copies)

    def twice(table: pd.DataFrame) -> pd.DataFrame:
        again = table.astype({"rollout": "str", "task": "str"})
        again = again.assign(rollout="copy " + again["rollout"], task="copy " + again["task"])
        return pd.concat([table.astype({"rollout": "str", "task": "str"}), again], ignore_index=True)

    for name in ("rollouts", "scores", "measures"):
        copies.__dict__[name] = twice(getattr(copies, name))
    tasks = [str(task["id"]) for task in run.meta["tasks"]]
    copies.clusters = {name: task for task in tasks for name in (task, f"copy {task}")}
    found = frontier(copies)
    for table, names in (("band", ["utility", "low", "high"]), ("dominance", ["mean_of_a_dominates"])):
        ours, theirs = (each.tables[table][names].to_numpy(dtype=float) for each in (once, found))
        np.testing.assert_allclose(theirs, ours, rtol=1e-6, atol=1e-9)
    chances = [each.tables["arms"]["on_frontier"].to_numpy() for each in (once, found)]
    np.testing.assert_allclose(*chances, atol=0.03)
    copies.clusters = {name: f"c{i % 5}" for i, name in enumerate(copies.clusters)}
    few = frontier(copies)
    assert few.tables["band"]["low"].isna().all()
    assert any("14 tasks in 5 clusters: no band and no probability of means" in note for note in few.notes)
