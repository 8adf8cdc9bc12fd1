"""People's labels of a run: drawn blind, brought back, refused when wrong, and what they correct."""

import asyncio
import csv
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import chdir
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from agentlab_cli.main import app
from typer.testing import CliRunner

from agentlab.analysis.judges.judges import judges
from agentlab.analysis.judges.labels import labels as analysed
from agentlab.errors import AnalysisError, MismatchError, ScenarioError, StoreError
from agentlab.experiment.judging.added import rejudge
from agentlab.experiment.progress import Progress
from agentlab.runs.exports import sheet
from agentlab.runs.frames import Run, load
from agentlab.runs.imports import ColumnDefaults, Columns, labels, table
from agentlab.store import Store
from agentlab.types import Verdict
from tests.support.proven import proven

TASKS, DRAWS = 8, 10
Rows = list[dict[str, str]]


def truth(task: int, arm: str, draw: int) -> bool:
    """What people would say: 60 % of the firm's answers are right and 40 % of the consultant's."""
    return (task + 3 * draw) % 10 < (6 if arm == "firm" else 4)


def flaw(task: int, arm: str, draw: int) -> bool:
    """Where the judge errs: it believes some wrong answers of the consultant's."""
    return arm == "solo" and not truth(task, arm, draw) and (task * 7 + draw * 5) % 10 < 6


def made() -> Path:
    """A run of imported texts, judged by a program: 2 arms, 8 tasks, 10 draws."""
    rows = [
        {"q": f"t{t}", "arm": arm, "text": f"It is {42 if truth(t, arm, d) or flaw(t, arm, d) else 41}.", "d": d + 1}
        for arm in ("firm", "solo")
        for t in range(TASKS)
        for d in range(DRAWS)
    ]
    rows.append({"q": "t0", "arm": "firm", "text": "", "d": 99})
    text = "".join(json.dumps({**row, "gold": 42, "p": f"How much is {row['q']}?"}) + "\n" for row in rows)
    Path("old.jsonl").write_text(text, encoding="utf-8")
    folder = table("old.jsonl", "jsonl", Columns.of("q", "text", "arm", draw="d", prompt="p", target="gold")).folder
    Path("right.yaml").write_text("kind: match\nby: number\n", encoding="utf-8")
    asyncio.run(rejudge(folder, ["right.yaml"], None, Progress(), 8))
    return folder


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with chdir(tmp_path_factory.mktemp("made")):
        return made().resolve()


@pytest.fixture
def folder(template: Path, workdir: Path) -> Path:
    """A fresh copy of the run, in an empty working directory."""
    return Path(shutil.copytree(template, "runs/old"))


def read(path: Path) -> Rows:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(rows: Sequence[Mapping[str, Any]], path: str = "s.csv") -> Path:
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return Path(path)


def answered(run: Run, rows: Rows, rater: str = "ann") -> Rows:
    """The sheet as a rater who is always right fills it."""
    where: Any = run.rollouts.astype({"rollout": "str"}).set_index("rollout")
    for row in rows:
        own = where.loc[row["rollout"]]
        row |= {
            "label": str(int(truth(int(str(own["task"])[1:]), str(own["arm"]), int(own["draw"]) - 1))),
            "rater": rater,
        }
    return rows


def one(frame: pd.DataFrame, **where: str) -> Any:
    """The one row."""
    for name, value in where.items():
        frame = frame[frame[name] == value]
    assert len(frame) == 1
    return frame.iloc[0]


# --- the sheet ------------------------------------------------------------------------------------------------------


def test_a_sheet_is_blind_stratified_and_the_same_again(folder: Path) -> None:
    drawn = sheet(folder, Path("a.csv"), "right", 41, seed=1)
    rows = read(Path("a.csv"))
    assert list(rows[0]) == ["rollout", "measure", "task", "prompt", "output", "label", "rater", "probability"]
    assert (sorted(drawn.drawn.values()), sorted(drawn.of.values())) == ([20, 21], [80, 80])
    assert {row["label"] for row in rows} == {""}
    assert "firm" not in Path("a.csv").read_text()
    assert "solo" not in Path("a.csv").read_text()
    run = load(folder)
    arms = run.rollouts.astype({"rollout": "str"}).set_index("rollout")["arm"].astype("str")
    by_arm = [arms[row["rollout"]] for row in rows]
    assert by_arm != sorted(by_arm)
    for arm in ("firm", "solo"):
        own = [row for row, name in zip(rows, by_arm, strict=True) if name == arm]
        assert [float(row["probability"]) for row in own] == pytest.approx([len(own) / 80] * len(own))
        counts = pd.Series([row["task"] for row in own]).value_counts()
        assert (len(counts), counts.max() - counts.min()) == (8, 1)
    sheet(folder, Path("b.csv"), "right", 41, seed=1)
    sheet(folder, Path("c.csv"), "right", 41, seed=2)
    assert read(Path("b.csv")) == rows
    assert read(Path("c.csv")) != rows


def test_every_output_is_as_likely_as_its_probability_says(folder: Path) -> None:
    counts: dict[str, int] = {}
    for seed in range(12):
        sheet(folder, Path(f"{seed}.csv"), "right", 32, seed)
        for row in read(Path(f"{seed}.csv")):
            counts[row["rollout"]] = counts.get(row["rollout"], 0) + 1
    assert sum(counts.values()) == 12 * 32
    assert len(counts) > 130
    assert max(counts.values()) < 10  # 2.4 expected of each, SD 1.4


def test_what_cannot_be_drawn_is_refused(folder: Path) -> None:
    with pytest.raises(ScenarioError, match="no measure 'wright'; did you mean 'right'"):
        sheet(folder, Path("a.csv"), "wright", 40)
    with pytest.raises(ScenarioError, match="3 for each of 2 conditions, 6 in total, is the minimum"):
        sheet(folder, Path("a.csv"), "right", 5)
    Path("a.csv").write_text("mine")
    with pytest.raises(ScenarioError, match="may contain labels"):
        sheet(folder, Path("a.csv"), "right", 40)
    with pytest.raises(StoreError, match=r"cannot be written \(.*(directory|folder)"):
        sheet(folder, Path("no/where.csv"), "right", 40)


# --- the way back ---------------------------------------------------------------------------------------------------


def test_there_and_back_by_the_command_line(folder: Path) -> None:
    runner = CliRunner()
    shown = runner.invoke(
        app, ["export", "labels", str(folder), "a.csv", "--measure", "right", "--n", "40", "--seed", "1"]
    )
    assert (shown.exit_code, "40 outputs, 20 or more" in shown.stdout) == (0, True)
    assert f"import labels a.csv --run {folder}" in shown.stdout
    assert "all available" in str(sheet(folder, Path("all.csv"), "right", 10_000))
    rows = answered(load(folder), read(Path("a.csv")))
    rows[0]["label"] = ""
    write(rows, "a.csv")
    done = runner.invoke(app, ["import", "labels", "a.csv", "--run", str(folder)])
    assert done.exit_code == 0
    assert "39 labels of 39 rollouts by 1 rater; 39 new, 1 row without a label" in done.stdout
    frame = load(folder).labels
    assert list(frame.columns[-4:]) == ["measure", "rater", "value", "probability"]
    assert (set(frame["rater"]), set(frame["probability"]), len(frame)) == ({"ann"}, {0.25}, 39)
    again = runner.invoke(app, ["import", "labels", "a.csv", "--run", str(folder)])
    assert "0 new" in again.stdout
    assert len(load(folder).labels) == 39


def test_labels_of_many_values_print_every_table_that_has_rows(folder: Path) -> None:
    sheet(folder, Path("a.csv"), "right", 40)
    rows = [row | {"label": str(i / 40), "rater": "ann"} for i, row in enumerate(read(Path("a.csv")))]
    labels(write(rows), folder)
    shown = CliRunner().invoke(app, ["stats", str(folder), "labels", "--all"])
    assert (shown.exit_code, "agreement" in shown.stdout, "confusion" in shown.stdout) == (0, True, False)
    assert "power: how much the judge's scores of all rollouts count" in " ".join(shown.stdout.split())


def test_coordinates_a_constant_probability_and_another_scale(folder: Path) -> None:
    rows = [{"task": "t1", "arm": "firm", "draw": str(d), "label": str(1 + d), "rater": "bob"} for d in (1, 2, 9)]
    done = labels(write(rows), folder, ColumnDefaults.of(probability=0.1, scale="1:10"))
    assert (done.labels, done.new) == (3, 3)
    frame = load(folder).labels
    np.testing.assert_allclose(frame["value"], [1 / 9, 2 / 9, 1.0])
    assert (set(frame["probability"]), frame["draw"].tolist()) == ({0.1}, [1, 2, 9])


def test_a_measure_that_falls_is_turned(folder: Path) -> None:
    turned = [{"name": "wrong", "judge": "right", "scales": {"correct": [0, 1]}, "range": [1, 0], "values": {}}]
    asyncio.run(put(folder, {"measures": [*load(folder).meta["measures"], *turned]}))
    row = [{"task": "t1", "arm": "firm", "draw": "1", "label": "10"}]
    labels(write(row), folder, ColumnDefaults.of("wrong", "cy", 0.5, "1:10"))
    assert load(folder).labels["value"].tolist() == [0.0]
    with pytest.raises(ScenarioError, match="the measure that was rated is not given; --measure, of right, wrong"):
        labels(write(row), folder, ColumnDefaults.of(probability=0.5, scale="1:10"))


async def put(
    folder: Path,
    meta: Mapping[str, Any],
    verdicts: Sequence[Verdict] = (),
    models: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Writes into a run what a scenario and its judges would; `models` by arm."""
    store = Store.open(folder)
    try:
        store.set_meta(meta)
        alone: dict[str, Any] = {"system": "Help.", "manual": "", "settings": {}, "memory": "all", "tools": []}
        facts = {arm: {"agents": {"one": {**alone, "model": model}}} for arm, model in models.items()}
        store.set_conditions([(f"arm={arm}", {"arm": arm}, known) for arm, known in facts.items()])
        if verdicts:
            await store.judge(verdicts)
    finally:
        store.close()


def key(folder: Path, at: int = 0) -> str:
    return str(load(folder).rollouts["rollout"].iloc[at])


def base(folder: Path) -> dict[str, str]:
    return {"rollout": key(folder), "label": "1", "rater": "ann", "probability": "0.5"}


def good(folder: Path) -> dict[str, str]:
    """A row without fault, which is not taken either."""
    return {**base(folder), "rollout": key(folder, 3), "task": "t3", "arm": "firm", "draw": "1"}


FAULTS: list[tuple[Callable[[dict[str, str]], list[dict[str, str]]], str]] = [
    (lambda r: [{**r, "rollout": "feedbeef" * 4}], r"s\.csv:2:1: rollout: no rollouts of the run are feedbeef"),
    (lambda r: [{**r, "rollout": r["rollout"][:3]}], "is too short"),
    (lambda r: [r, {**r, "label": "0"}], r"s\.csv:3:1: label: ann already labeled this rollout on line 2"),
    (lambda r: [r, {**r, "rater": "bob", "probability": "0.4"}], "the probability 0.4, but 0.5 on line 2"),
    (lambda r: [{**r, "label": "2"}], "2 is off the scale; 0 to 1, or another scale with --scale"),
    (lambda r: [{**r, "label": "nan"}], "'nan' is not a number; a number"),
    (lambda r: [{**r, "label": "good"}], "'good' is not a number; a number"),
    (lambda r: [{**r, "probability": ""}], "a label without a sampling probability; .* --probability 0.1"),
    (lambda r: [{k: v for k, v in r.items() if k != "probability"}], "a label without a sampling probability"),
    (lambda r: [{**r, "probability": "0"}], "the probability 0; above 0 and at most 1"),
    (lambda r: [{**r, "probability": "1.5"}], "the probability 1.5"),
    (lambda r: [{**r, "measure": "wright"}], "no measure 'wright'"),
    (lambda r: [{k: v for k, v in r.items() if k != "label"}], "there is no column 'label'"),
    (lambda r: [{k: v for k, v in r.items() if k != "rollout"}], "no rollout and no task, arm, draw"),
    (lambda r: [{**r, "label": ""}], "no row has a label"),
    (lambda r: [{"task": "t0", "arm": "firm", "draw": "99", "label": "1", "probability": "1"}], "has no output"),
    (
        lambda r: [{"task": "t0", "arm": "trio", "draw": "1", "label": "1", "probability": "1"}],
        "no rollouts of the run",
    ),
]


@pytest.mark.parametrize(("change", "message"), FAULTS)
def test_a_wrong_sheet_is_refused_whole(
    folder: Path, change: Callable[[dict[str, str]], list[dict[str, str]]], message: str
) -> None:
    rows = change(base(folder))
    if "label" in rows[0] and "no row" not in message:
        rows.append({**dict.fromkeys(rows[0], ""), **{k: v for k, v in good(folder).items() if k in rows[0]}})
    with pytest.raises(ScenarioError, match=message):
        labels(write(rows), folder)
    assert load(folder).labels.empty


@pytest.mark.parametrize("column", ["label", "probability"])
def test_a_column_that_is_not_there_is_one_mistake(folder: Path, column: str) -> None:
    rows = [{**base(folder), "rollout": key(folder, at)} for at in range(5)]
    with pytest.raises(ScenarioError) as caught:
        labels(write([{k: v for k, v in row.items() if k != column} for row in rows]), folder)
    (mistake,) = caught.value.mistakes
    assert (mistake.place.line, mistake.path) == (2, column)


def test_wrong_options_and_runs_are_refused(folder: Path) -> None:
    file = write([base(folder)])
    with pytest.raises(ScenarioError, match="above 0 and at most 1"):
        ColumnDefaults.of(probability=0)
    for text in ("10:1", "1", "a:b", "1:nan"):
        with pytest.raises(ScenarioError, match="lowest and the highest"):
            ColumnDefaults.of(scale=text)
    with pytest.raises(ScenarioError, match="no measure 'wright'"):
        labels(file, folder, ColumnDefaults.of("wright"))
    said = write([{**base(folder), "measure": "other"}], "m.csv")
    with pytest.raises(ScenarioError, match="the row says 'other', but --measure says 'right'"):
        labels(said, folder, ColumnDefaults.of("right"))
    with pytest.raises(ScenarioError, match="cannot be read"):
        labels("nothing.csv", folder)
    with pytest.raises(StoreError, match="not a run"):
        labels(file, Path("nowhere"))
    other = table(write([{"q": "t0", "text": "One."}], "n.csv"), "csv", Columns.of("q", "text"), out="bare").folder
    with pytest.raises(ScenarioError, match="the run has no measures"):
        labels(file, other)


def test_a_label_is_never_changed(folder: Path) -> None:
    row = base(folder)
    labels(write([row]), folder)
    with pytest.raises(MismatchError, match=r"task=t0,arm=firm,draw=1, right, ann: label was 1, is 0"):
        labels(write([{**row, "label": "0"}]), folder)
    with pytest.raises(MismatchError, match=r"probability was 0\.5, is 0\.25"):
        labels(write([{**row, "rater": "bob", "probability": "0.25"}]), folder)
    assert CliRunner().invoke(app, ["import", "labels", "s.csv", "--run", str(folder)]).exception is not None
    assert labels(write([row, {**row, "rater": "'@bob"}]), folder).new == 1
    assert load(folder).labels["rater"].tolist() == ["ann", "@bob"]


# --- what they correct ----------------------------------------------------------------------------------------------


def filled(folder: Path, n: int = 80) -> Run:
    """A run with so many labels of a rater who is always right."""
    sheet(folder, Path("a.csv"), "right", n, seed=3)
    labels(write(answered(load(folder), read(Path("a.csv")))), folder)
    return load(folder)


def real(arm: str) -> float:
    return float(np.mean([truth(t, arm, d) for t in range(TASKS) for d in range(DRAWS)]))


def test_a_mean_is_corrected_by_its_own_labels(folder: Path) -> None:
    run = filled(folder)
    found = analysed(run)
    assert found.says == "The judge's means, corrected with 80 labeled rollouts of 160 judged rollouts, by one rater."
    means = found.tables["means"]
    for arm in ("firm", "solo"):
        own: Any = means[means["condition"] == f"arm={arm}"].set_index("estimator")
        assert list(own.index) == ["uncorrected", "labels only", "PPI++", "Rogan-Gladen"]
        assert set(own["about"]) == {"new tasks"}
        scored = run.measures[run.measures["arm"] == arm]["right"].mean()
        assert own.loc["uncorrected", "estimate"] == pytest.approx(scored)
        for name in ("PPI++", "Rogan-Gladen"):
            low, high = own.loc[name, "low"], own.loc[name, "high"]
            assert low <= real(arm) <= high
            assert abs(own.loc[name, "estimate"] - real(arm)) < 0.12
    assert one(means, condition="arm=solo", estimator="uncorrected")["estimate"] > real("solo") + 0.25
    assert one(means, condition="arm=firm", estimator="PPI++")["estimate"] == pytest.approx(real("firm"), abs=1e-9)
    assert (
        "right, arm=firm: every label equals its score; intervals do not cover errors too rare to appear in the sample."
        in found.notes
    )
    contrast: Any = found.tables["contrasts"].set_index("estimator")
    assert contrast.loc["uncorrected", "difference"] < 0 < contrast.loc["PPI++", "difference"]
    assert contrast.loc["PPI++", "low"] <= real("firm") - real("solo") <= contrast.loc["PPI++", "high"]


def test_agreement_and_confusion_are_by_condition(folder: Path) -> None:
    run = filled(folder)
    found = analysed(run, "right")
    agreement, confusion = found.tables["agreement"], found.tables["confusion"]
    assert agreement["condition"].tolist() == ["all", "arm=firm", "arm=solo"]
    firm, solo = one(agreement, condition="arm=firm"), one(agreement, condition="arm=solo")
    assert (firm["raw"], firm["kappa"], firm["units"]) == (1.0, pytest.approx(1.0), 40)
    assert solo["kappa"] < 0.6
    assert (solo["mean_1"], solo["mean_2"]) == (pytest.approx(solo["mean_2"] + 1 - solo["raw"]), solo["mean_2"])
    assert any("agreement is the same in every cluster" in note for note in found.notes)
    assert int(confusion["count"].sum()) == 80
    wrong = confusion[(confusion["judge"] == 1) & (confusion["people"] == 0)]
    assert wrong["condition"].tolist() == ["arm=solo"]
    assert wrong["count"].iloc[0] / 40 == pytest.approx(1 - solo["raw"])


def test_without_labels_everything_is_uncorrected(folder: Path) -> None:
    run = load(folder)
    found = analysed(run)
    assert set(found.tables["means"]["estimator"]) == {"uncorrected"}
    assert set(found.tables["contrasts"]["estimator"]) == {"uncorrected"}
    assert "uncorrected, because none has a human label" in found.says
    known = found.tables["means"].dropna(subset="low")
    assert len(known)
    assert known["low"].min() >= 0, "an interval ends where the measure does"
    assert known["high"].max() <= 1
    assert "agreement" not in found.tables
    with pytest.raises(AnalysisError, match="nothing was judged for nothing"):
        analysed(run, "nothing")


def test_labels_of_one_condition_leave_the_other_uncorrected(folder: Path) -> None:
    rows = [
        {"task": f"t{t}", "arm": "firm", "draw": str(d), "label": "1", "probability": "0.3"}
        for t in range(3)
        for d in (1, 2, 3)
    ]
    labels(write(rows), folder)
    found = analysed(load(folder))
    means = found.tables["means"]
    assert means.loc[means["condition"] == "arm=solo", "estimator"].tolist() == ["uncorrected"]
    corrected = one(means, condition="arm=firm", estimator="PPI++")
    assert corrected["about"] == "these tasks"
    assert found.tables["contrasts"]["estimator"].tolist() == ["uncorrected"]
    assert any("has no labels of its own" in note for note in found.notes)
    assert any("no label of a negative" in note for note in found.notes)


def test_two_raters_are_averaged_and_compared(folder: Path) -> None:
    run = filled(folder, 48)
    rows = answered(run, read(Path("a.csv")), "bob")
    for row in rows[::6]:
        row["label"] = str(1 - int(row["label"]))
    labels(write(rows), run.folder)
    found = analysed(load(run.folder))
    agreement = found.tables["agreement"]
    pair = one(agreement, condition="all", first="ann", second="bob")
    assert pair["raw"] == pytest.approx(40 / 48)
    assert len(agreement) == 9
    assert "by 2 raters" in found.says
    assert "Rogan-Gladen" not in set(found.tables["means"]["estimator"])


def test_labels_go_when_the_rollout_is_played_again(folder: Path) -> None:
    labels(write([base(folder)]), folder)

    async def again() -> None:
        store = Store.open(folder)
        try:
            await store.finish(store.rollout(key(folder)))
        finally:
            store.close()

    asyncio.run(again())
    assert load(folder).labels.empty


# --- judges ---------------------------------------------------------------------------------------------------------


def graded(run: Run, judge: str, offset: float, model: str, draws: int = 1, **document: Any) -> None:
    """A judge of a made-up rubric whose scores grow with the draw, moved by `offset`."""
    rng = np.random.default_rng(len(judge))
    frame = run.rollouts[run.rollouts["output"].notna()]
    verdicts = [
        Verdict("worth", "scored", d % 5 + offset + float(rng.normal()) * 0.3, rollout=str(k), judge=judge, draw=r)
        for k, d in zip(frame["rollout"], frame["draw"], strict=True)
        for r in range(draws)
    ]
    asyncio.run(put(run.folder, rubric(run, judge, model, **document), verdicts))


def rubric(run: Run, judge: str, model: str, **document: Any) -> dict[str, Any]:
    """What a run records of a judge of one criterion, from 0 to 10."""
    measure = {"name": judge, "judge": judge, "scales": {"worth": [0, 10]}, "range": [0, 10], "values": {}}
    meta = load(run.folder).meta
    own = {"kind": "rubric", "criteria": {"worth": {"text": "Is it?"}}, "model": judge, **document}
    return {
        "measures": [*meta["measures"], measure],
        "judges": {**meta["judges"], judge: model},
        "added": {**meta["added"], judge: own},
    }


def test_judges_are_probed(folder: Path) -> None:
    run = load(folder)
    graded(run, "old", 2.0, "openai/gpt-4", draws=2)
    graded(run, "newer", 2.5, "openai/gpt-5.2")
    graded(run, "plain", 2.2, "openai/gpt-4", normalise=True)
    graded(run, "other", 2.2, "openai/gpt-4", criteria={"worth": {"text": "Was it?"}})
    found = judges(load(run.folder))
    table: Any = found.tables["judges"].set_index("measure")
    assert table["judged"].tolist() == [160] * 5
    assert table.loc["old", "itself"] > 0.9
    assert table.loc["old", "itself_low"] < table.loc["old", "itself"]
    assert pd.isna(table.loc["newer", "itself"])
    assert any("newer: each rollout was judged once" in note for note in found.notes)
    assert table.loc["old", "family"] == "gpt"
    assert not table.loc["old", "kin"]
    pair = one(found.tables["pairs"], first="old", second="newer")
    assert pair["probe"] == "drift"
    assert pair["difference_low"] < 0.5 < pair["difference_high"]
    assert pair["rank"] > 0.9
    probes = found.tables["pairs"].set_index(["first", "second"])["probe"].to_dict()
    assert probes == {
        ("old", "newer"): "drift",
        ("old", "plain"): "formatting",
        ("newer", "plain"): "drift and formatting",
    }
    guessed = found.tables["guesses"]
    assert (guessed["a"].tolist(), guessed["b"].tolist()) == (["firm"], ["solo"])
    assert found.tables["bounds"].set_index("measure").loc["old", ["mean", "worst_case_low"]].isna().to_numpy().all()
    edges = judges(proven(load(run.folder))).tables["bounds"]
    assert one(edges, measure="right", condition="arm=firm")["missing"] == 1
    assert one(edges, measure="old", condition="arm=solo")["worst_case_low"] == pytest.approx(
        one(edges, measure="old", condition="arm=solo")["mean"]
    )


def test_judges_are_held_against_people(folder: Path) -> None:
    run = filled(folder)
    table = judges(run, "right").tables["judges"]
    assert table["people"].iloc[0] == pytest.approx(analysed(run).tables["agreement"]["alpha"].iloc[0])
    assert "accuracy is unknown" not in judges(run).says


def test_a_judge_that_favours_its_like_is_found_by_people(folder: Path) -> None:
    """It gives a gpt's outputs 1 more than people do, and a claude's what people do."""
    run, rng = load(folder), np.random.default_rng(1)
    frame = run.rollouts[run.rollouts["output"].notna()].astype({"rollout": "str", "arm": "str", "task": "str"})
    worth = rng.normal(4, 1, len(frame))
    scores = worth + (frame["arm"] == "firm").to_numpy() + rng.normal(0, 0.2, len(frame))
    verdicts = [
        Verdict("worth", "scored", float(s), rollout=k, judge="gpt")
        for k, s in zip(frame["rollout"], scores, strict=True)
    ]
    models = {"firm": "openai/gpt-5.2", "solo": "anthropic/claude-opus-4-5"}
    asyncio.run(put(folder, rubric(run, "gpt", "openai/gpt-5.2"), verdicts, models))
    assert bool(judges(load(folder), "gpt").tables["judges"]["kin"].iloc[0])
    rows = [
        {"rollout": k, "label": str(w), "probability": "0.5"}
        for k, w, at in zip(frame["rollout"], worth, range(160), strict=True)
        if at % 2
    ]
    labels(write(rows), folder, ColumnDefaults.of("gpt"))
    found = judges(load(folder), "gpt")
    table: Any = found.tables["judges"].iloc[0]
    assert table["favour"] == pytest.approx(1, abs=0.15)
    assert table["favour_low"] < 1 < table["favour_high"]
    assert any("may favor its own family" in note for note in found.notes)
    agreement = analysed(load(folder), "gpt")
    assert any("more than 12 different values" in note for note in agreement.notes)
    assert pd.isna(agreement.tables["agreement"]["kappa"]).all()
