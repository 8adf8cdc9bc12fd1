"""Clusters of tasks from a scenario, an import or an option, to the contrasts that are printed."""

import csv
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agentlab_cli.main import app
from typer.testing import CliRunner

import agentlab
from agentlab.analysis.compare_runs import compare_runs
from agentlab.analysis.contrasts.mixed import mixed
from agentlab.analysis.contrasts.table import contrasts
from agentlab.analysis.judges.judges import judges
from agentlab.analysis.summary import summarize
from agentlab.errors import AnalysisError, ScenarioError
from agentlab.experiment.decisions import decisions, deviations
from agentlab.runs.frames import Run, load
from agentlab.scenario.loading import load as load_design
from agentlab.stats.contrasts.paired import Paired, paired
from tests.support.scenarios import match, measured, rubric, scenario
from tests.support.tables import assert_alike

PASSAGE = " ".join(f"word{i * i % 991}" for i in range(60))


def sourced(sources: int) -> dict[str, Any]:
    """Twelve tasks on so many passages."""
    return {
        f"t{i:02}": {
            "prompt": f"{i % sources} {PASSAGE.replace('word', f'w{i % sources}x')} Question {i}?",
            "target": "A",
            "fields": {"source": f"s{i % sources}"},
        }
        for i in range(12)
    }


def written(sources: int, table: str = "", **more: Any) -> str:
    """Twelve tasks on so many passages, or those of a table, which a worse arm answers wrong more often."""
    options = {"replies": {"*": {"Answer: A": 0.9, "Answer: B": 0.1}}}
    worse = {"replies": {"*": {"Answer: A": 0.5, "Answer: B": 0.5}}}
    return scenario(
        "clustered",
        seed=1,
        models={"default": {"name": "sim/replies", "options": options}},
        tasks={"file": table} if table else sourced(sources),
        factors={"team": {"good": {}, "bad": {"models": {"default": {"options": worse}}}}},
        draws=4,
        judges={"answer": match("choice", choices=["A", "B"])},
        measures={"correct": measured("answer")},
        **more,
    )


async def played(text: str) -> Run:
    Path("s.yaml").write_text(text, encoding="utf-8")
    return await agentlab.run("s.yaml", "run")


def by_hand(run: Run, clusters: dict[str, str] | None) -> Paired:
    wide = run.measures.pivot_table(index=["task", "draw"], columns="team", values="correct", observed=True)
    tasks, draws = (wide.index.get_level_values(name).astype("str").tolist() for name in ("task", "draw"))
    return paired(tasks, draws, wide["good"].to_numpy(), wide["bad"].to_numpy(), clusters=clusters, most=1.0)


async def test_contrasts_go_by_clusters(workdir: Path) -> None:
    run = await played(written(6, cluster="source"))
    (contrast,) = summarize(run).contrasts
    assert run.clusters == {f"t{i:02}": f"s{i % 6}" for i in range(12)}
    new, alone = contrast.result.new_tasks, by_hand(run, None).new_tasks
    assert_alike(contrast.result, by_hand(run, run.clusters))
    assert new is not None
    assert alone is not None
    assert (contrast.result.clusters, round(new.df, 9), alone.df) == (6, 5, 11)
    notes = summarize(run).notes
    assert "Tasks are clustered by source: 12 tasks in 6 clusters; only the clusters are independent." in notes


async def test_runs_are_compared_by_clusters_although_one_has_a_task_more(workdir: Path) -> None:
    run = await played(written(6, cluster="source"))
    other, alone = load(run.folder), load(run.folder)
    other.meta["tasks"] = [*other.meta["tasks"], {**other.meta["tasks"][0], "id": "one more"}]
    other.clusters = {**run.clusters, "one more": "s0"}
    alone.clusters = {}
    same, more, none = (
        compare_runs(one, two, "team=good", "team=bad").tables["measures"]["new_tasks_high"].tolist()
        for one, two in ((run, load(run.folder)), (run, other), (alone, alone))
    )
    assert same == more != none


async def test_of_few_clusters_nothing_is_concluded(workdir: Path) -> None:
    run = await played(written(3, cluster="source"))
    (contrast,) = summarize(run).contrasts
    assert contrast.result.these_tasks is not None
    assert (contrast.result.new_tasks, contrast.p, contrast.conclusion) == (None, None, "not tested")
    assert any("3 clusters of 12 tasks" in note for note in contrast.result.notes)


async def test_tasks_that_share_their_text_are_pointed_out(workdir: Path) -> None:
    run = await played(written(4))
    found = contrasts(run)
    assert any(note.startswith("Tasks t00, t04, t08 share most of their text (4 such groups)") for note in found.notes)


def test_check_and_plan_tell_of_clusters(workdir: Path) -> None:
    Path("s.yaml").write_text(written(4), encoding="utf-8")
    told = CliRunner().invoke(app, ["check", "s.yaml"]).stdout
    assert "Note: tasks t00, t04, t08 share most of their text (4 such groups)" in told
    Path("s.yaml").write_text(written(4, cluster="source"), encoding="utf-8")
    told = CliRunner().invoke(app, ["check", "s.yaml"]).stdout
    assert "4 clusters of tasks, by source" in told
    assert (
        "Note: 12 tasks in 4 clusters: nothing can be concluded about new tasks, because at least 6 clusters are "
        "needed." in told
    )
    assert "share most" not in told
    told = CliRunner().invoke(app, ["plan", "s.yaml"]).stdout
    assert "Nothing can be said about new tasks: at least 6 tasks, or clusters of tasks, are needed." in told
    Path("s.yaml").write_text(written(6, cluster="source"), encoding="utf-8")
    told = CliRunner().invoke(app, ["plan", "s.yaml"]).stdout
    assert "Tasks are in 6 clusters by source, but the forecast assumes independent tasks" in " ".join(told.split())


async def test_one_cluster_has_no_odds_ratio_and_spoils_no_other_analysis(workdir: Path) -> None:
    await played(written(1, cluster="source"))
    told = CliRunner().invoke(app, ["stats", "run"])
    assert told.exit_code == 0, told.output
    mixed = CliRunner().invoke(app, ["stats", "run", "mixed"])
    assert "no odds ratio: 1 cluster of tasks, and it needs 6" in str(mixed.exception)


async def test_no_mixed_model_is_fitted_to_tasks_that_share_a_source(workdir: Path) -> None:
    await played(written(6, cluster="source"))
    found = mixed(load("run"))
    assert list(found.tables) == ["odds"]
    assert any("no mixed model: it assumes independent tasks" in note for note in found.notes)
    found = CliRunner().invoke(app, ["stats", "run"])
    assert re.search(r"odds ratios: \w+, good - bad: [\d.]+ \[", " ".join(found.stdout.split()))


async def test_diagnostics_of_judges_go_by_clusters(workdir: Path) -> None:
    scores = {"name": "sim/replies", "options": {"scores": {"useful": {"1": 0.5, "9": 0.5}}}}
    agents = {"default": {"name": "sim/chatter"}, "judge": scores}
    text = scenario(
        "judged",
        seed=1,
        draws=4,
        models=agents,
        tasks=sourced(6),
        judges={"good": rubric("useful", 9)},
        cluster="source",
    )
    run = await played(text)
    alone = load("run")
    alone.clusters = {}
    ends = [judges(each).tables["judges"][["length", "length_low"]].iloc[0].tolist() for each in (run, alone)]
    assert ends[0][0] == ends[1][0]
    assert ends[0][1] != ends[1][1]
    few = load("run")
    few.clusters = {task: f"c{i % 3}" for i, task in enumerate(run.clusters)}
    found = judges(few)
    assert found.tables["judges"]["length_low"].isna().all()
    assert "good, length: no interval: 3 clusters; at least 6 are needed." in found.notes


def test_a_preregistration_holds_the_clusters(workdir: Path) -> None:
    decided: list[Any] = []
    for named in ({"cluster": "source"}, {}):
        Path("s.yaml").write_text(written(6, **named), encoding="utf-8")
        decided.append(decisions(load_design("s.yaml")))
    assert list(deviations(*decided)) == [("cluster", "source", None)]


async def test_a_run_can_be_clustered_afterwards(workdir: Path) -> None:
    await played(written(6))
    assert agentlab.load("run", "source").clusters["t07"] == "s1"
    result = CliRunner().invoke(app, ["stats", "run", "contrasts", "--cluster", "source"])
    assert "Tasks are clustered by source: 12 tasks in 6 clusters" in result.stdout
    with pytest.raises(AnalysisError, match="not have this field; fields of all tasks: source"):
        load("run", "text")
    Path("s.yaml").write_text(written(6, cluster="source"), encoding="utf-8")
    assert (await agentlab.run("s.yaml", "run")).clusters["t07"] == "s1"


def brought(rows: list[dict[str, object]], *options: str) -> BaseException | None:
    """Imports rows of `task`, `arm`, `draw`, `text` and more."""
    with Path("old.csv").open("w", newline="", encoding="utf-8") as file:
        out = csv.DictWriter(file, rows[0])
        out.writeheader()
        out.writerows(rows)
    given = ["--task", "task", "--output", "text", "--condition", "arm", "--draw", "draw", *options]
    return CliRunner().invoke(app, ["import", "csv", "old.csv", *given]).exception


def test_imported_tasks_are_clustered_by_a_column(workdir: Path) -> None:
    rows: list[dict[str, object]] = [
        {"task": f"t{t:02}", "arm": arm, "draw": 1, "text": "Answer: A", "page": t % 6}
        for t in range(12)
        for arm in ("good", "bad")
    ]
    assert brought(rows, "--cluster", "page") is None
    assert load("runs/old").clusters == {f"t{t:02}": str(t % 6) for t in range(12)}
    rows[0]["page"] = 5
    error = brought(rows, "--cluster", "page", "--out", "other")
    assert isinstance(error, ScenarioError)
    assert "task t00 has a different cluster than before" in str(error)


def test_a_conclusion_that_rests_on_one_task_says_so(workdir: Path) -> None:
    more = (4, 3, 2, 1, 1, 1, 0, -1)
    rows: list[dict[str, object]] = [
        {"task": f"t{t}", "arm": arm, "draw": r, "gold": "A", "text": f"Answer: {'A' if r < 5 + gain else 'B'}"}
        for t, extra in enumerate(more)
        for arm, gain in (("good", extra), ("bad", 0))
        for r in range(10)
    ]
    assert brought(rows, "--target", "gold") is None
    Path("right.yaml").write_text("kind: match\nby: choice\nchoices: [A, B]\n", encoding="utf-8")
    CliRunner().invoke(app, ["judge", "runs/old", "--with", "right.yaml"])
    run = load("runs/old")
    (contrast,) = summarize(run).contrasts
    assert contrast.different
    left = paired(range(7), [0] * 7, np.array(more[1:]) / 10, np.zeros(7)).new_tasks
    assert left is not None
    assert left.p > 0.05
    told = f"right, good - bad: without task t0 the difference is +0.100 (p {left.p:.3f}); the conclusion rests on"
    assert f"{told} that task." in summarize(run).notes
    row = contrasts(run).tables["effects"].iloc[0]
    assert (row["largest_task"], round(row["difference_without"], 9), row["without_p"]) == ("t0", 0.1, left.p)


async def test_repeated_rows_of_a_table_are_one_cluster_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text("prompt,target\n" + "".join(f"Question {i % 8}?,A\n" for i in range(12)))
    Path("s.yaml").write_text(written(1, table="t.csv"))
    checked = CliRunner().invoke(app, ["check", "s.yaml"])
    assert "row_1 and row_9; row_2 and row_10; row_3 and row_11 (4 such groups) have the same prompt" in checked.stdout
    run = await agentlab.run("s.yaml", "run")
    clusters = {f"row_{i + 1}": str(i % 8) for i in range(12)}
    (told,) = summarize(run).contrasts
    assert_alike(told.result, by_hand(run, clusters))
    assert told.result.clusters == 8
    assert any("count as 4 tasks, not 8" in note for note in contrasts(run).notes)
