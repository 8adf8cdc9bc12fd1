"""Bias and variance through a run: planted numbers recovered, every sort of prediction by hand, and what is refused."""

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from agentlab_cli.main import app
from numpy.typing import NDArray
from typer.testing import CliRunner

import agentlab
from agentlab.analysis.analysis import Analysis
from agentlab.analysis.incoherence.decomposition import decomposition
from agentlab.errors import AnalysisError
from agentlab.models.capabilities import EVERYTHING
from agentlab.models.simulated import chatter
from agentlab.models.simulated.chatter import RandomNumbers
from agentlab.runs.frames import Run
from agentlab.types import Capabilities, Completion, Request, Usage
from tests.support.scenarios import chain, match, measured, numbered, rubric, scenario
from tests.support.tables import only, rows

Floats = NDArray[np.float64]
SHARES = re.compile(r"([A-D]) ([\d.]+)(?=[,.])")


@pytest.fixture(scope="module")
def calibration(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The shipped scenario: 12 tasks of 30 draws in two arms."""
    return asyncio.run(agentlab.run("calibration", tmp_path_factory.mktemp("decomposition") / "run"))


@pytest.fixture(scope="module")
def found(calibration: Run) -> Analysis:
    return decomposition(calibration)


def chances(run: Run, noise: float) -> tuple[Floats, list[int]]:
    """What the tasks state, mixed with equal chances, and which answer is right."""
    shares: list[list[float]] = []
    gold: list[int] = []
    for task in run.meta["tasks"]:
        told = {letter: float(share) for letter, share in SHARES.findall(f"{task['fields']['chances']}.")}
        shares.append([(1 - noise) * told[letter] + noise / 4 for letter in "ABCD"])
        gold.append("ABCD".index(task["target"]))
    return np.array(shares), gold


@pytest.mark.parametrize(("arm", "noise"), [("steady", 0.0), ("erratic", 0.3)])
def test_answers_have_the_bias_and_variance_of_their_chances(
    calibration: Run, found: Analysis, arm: str, noise: float
) -> None:
    p, gold = chances(calibration, noise)
    right = p[np.arange(12), gold]
    row = only(found, "decomposition", measure="correct", condition=f"team={arm}", loss="brier")
    truth = {"error": 2 * (1 - right), "variance": 1 - (p**2).sum(axis=1)}
    truth["bias2"] = truth["error"] - truth["variance"]
    rng = np.random.default_rng(0)
    again = np.array([rng.multinomial(30, one, size=400) for one in p]) / 30  # tasks, experiments, answers
    spread = {
        "error": 2 * (1 - again[np.arange(12), :, gold]).mean(axis=0).std(),
        "variance": (1 - (again**2).sum(axis=2)).mean(axis=0).std() * 30 / 29,
    }
    spread["bias2"] = spread["error"] + spread["variance"]
    for name, values in truth.items():
        assert abs(row[name] - values.mean()) < 3 * spread[name], name
    assert row["error"] == pytest.approx(row["bias2"] + row["variance"])
    ratio = float(truth["variance"].sum() / truth["error"].sum())
    assert row["incoherence_low"] < ratio < row["incoherence_high"]
    assert (row["tasks"], row["draws"]) == (12, 30)
    beside = only(found, "companions", measure="correct", condition=f"team={arm}")
    told = [line.partition(":")[0] for line in found.explained(found.tables.values())]
    assert told == ["D", "by accuracy", "tasks of excess", "of sums"]
    assert beside["accuracy"] == pytest.approx(1 - row["error"] / 2)
    assert beside["disagreement"] == pytest.approx(row["variance"])
    wrong = only(found, "decomposition", measure="correct", condition=f"team={arm}", loss="0/1")
    assert wrong["error"] == pytest.approx(1 - beside["accuracy"])
    assert wrong["variance"] == pytest.approx(beside["flip"])
    assert np.isnan(wrong["incoherence"])


@pytest.mark.parametrize(
    ("measure", "arm", "bias", "variance"),
    [
        ("worth", "steady", -0.05, 0.005625),
        ("worth", "erratic", 0.0, 0.0127),
        ("harm", "steady", 0.05, 0.005625),
        ("harm", "erratic", 0.0, 0.0127),
    ],
)
def test_scores_have_what_was_planted_without_the_judges_error(
    calibration: Run, found: Analysis, measure: str, arm: str, bias: float, variance: float
) -> None:
    row = only(found, "decomposition", measure=measure, condition=f"team={arm}", loss="score")
    starts = np.array([float(task["fields"][measure]) for task in calibration.meta["tasks"]])
    target = 1.0 if measure == "worth" else 0.0
    assert row["variance"] == pytest.approx(variance, rel=3 * (2 / 348) ** 0.5)
    assert row["bias2"] == pytest.approx(float(((starts + bias - target) ** 2).mean()), rel=0.05)
    spread = only(found, "dispersion", measure=measure, condition=f"team={arm}")
    assert spread["mean"] == pytest.approx(float((starts + bias).mean()), abs=3 * (variance / 360) ** 0.5)
    assert spread["noise"] == pytest.approx((0.04**2 + 1 / 6 / 100**2) / 2, rel=3 * (2 / 360) ** 0.5)
    assert spread["dispersion_low"] < spread["dispersion"] < spread["dispersion_high"]
    assert row["incoherence"] < spread["cap"]


def test_every_task_and_correction_is_in_a_table(found: Analysis) -> None:
    assert list(found.tables) == [
        *("decomposition", "companions", "dispersion", "differences", "tasks", "ratios", "plug_in"),
    ]
    assert found.shown == 3
    assert not rows(found, "decomposition", loss="kl")  # of answers it is an artefact of its delta
    tasks = rows(found, "tasks", measure="correct", condition="team=steady", loss="brier")
    whole = only(found, "decomposition", measure="correct", condition="team=steady", loss="brier")
    for name in ("error", "bias2", "variance"):
        assert np.mean([task[name] for task in tasks]) == pytest.approx(whole[name])
    known = [task["incoherence"] for task in tasks]
    ratios = only(found, "ratios", measure="correct", condition="team=steady")
    assert [ratios["mean"], ratios["median"]] == pytest.approx([np.mean(known), np.median(known)])
    plug = only(found, "plug_in", measure="correct", condition="team=steady")
    corrected = only(found, "decomposition", measure="correct", condition="team=steady", loss="brier")
    assert plug["variance"] == pytest.approx(corrected["variance"] * 29 / 30)
    assert plug["error"] == pytest.approx(corrected["error"])
    assert found.says == "Error of a draw as bias² and variance, for 2 arms on 12 tasks with 30 draws or more."


def test_arms_are_compared_beyond_what_their_accuracies_make(found: Analysis) -> None:
    for measure, loss in (("correct", "brier"), ("worth", "score"), ("harm", "score")):
        row = only(found, "differences", measure=measure, loss=loss)
        one, other = (
            only(found, "decomposition", measure=measure, loss=loss, condition=f"team={arm}")
            for arm in ("steady", "erratic")
        )
        assert (row["a"], row["b"], row["tasks"]) == ("team=steady", "team=erratic", 12)
        assert row["difference"] == pytest.approx(one["incoherence"] - other["incoherence"])
        assert row["difference_low"] < row["difference"] < row["difference_high"]
        if loss == "score":
            apart = [only(found, "dispersion", measure=measure, condition=row[arm])["dispersion"] for arm in "ab"]
            assert row["dispersion_difference"] == pytest.approx(apart[0] - apart[1])
            assert np.isnan(row["excess"])
        else:
            assert row["tasks_of_excess"] == 12
            assert row["by_accuracy"] + row["excess"] == pytest.approx(row["difference"])
    answers = only(found, "differences", measure="correct", loss="brier")
    assert answers["excess_low"] < answers["excess"] < 0  # steady answers are wrong in fewer ways


def written(tasks: int, draws: int) -> str:
    speaker = {"name": "tests.unit.analysis.test_decomposition:Speaker"}
    return scenario(
        "speaking",
        seed=6,
        models={"default": speaker, "judge": speaker},
        tasks=numbered(tasks, target=42, fields={"letter": "B", "place": [1.0, 2.0]}),
        organization=chain(["me"], says="You speak."),
        factors={"team": {"one": {}, "two": {"organization": {"agents": {"me": {"system": "You talk."}}}}}},
        draws=draws,
        judges={
            "stated": match("probabilities", choices=["A", "B", "C"], target="letter"),
            "place": match("vector", target="place", tolerance=0.1),
            "number": match("number"),
            "letter": match("choice", choices=["A", "B", "C"], target="letter"),
            "tests": rubric("builds runs ends", 1),
            "leaks": rubric("name key", 1),
        },
        measures={
            **{name: measured(name) for name in ("stated", "place")},
            **{name: measured(name, unparsed=0) for name in ("number", "letter")},
            "tests": measured("tests", 0, 1),
            "leaks": measured("leaks", 0, 1, target=0),
        },
    )


REPLIES = [
    "A: 0.7, B: 0.2, C: 0.1, at [1.0, 2.0], which comes to 42",
    "A: 0.1, B: 0.8, C: 0.1, at [1.5, 2.0], which comes to 41",
    "A: 0.3, B: 0.3, C: 0.4, at [1.0, 2.5], which comes to 7",
    "Hard to say",
]
WEIGHTS = (8, 5, 4, 3)


@dataclass(frozen=True, slots=True)
class Speaker:
    """Says one of four things; as a judge it knows numbers that are the same, and passes tests by chance."""

    name: str = "speaker"
    capabilities: Capabilities = EVERYTHING

    async def complete(self, request: Request) -> Completion:
        draws, last = RandomNumbers(request.where.stream), request.chat[-1].content
        if request.where.purpose != "judge":
            return Completion(draws.pick([text for text, n in zip(REPLIES, WEIGHTS, strict=True) for _ in range(n)]))
        form = re.findall(r'<verdict criterion="([^"<>]+)">', last)
        ends = [text.partition("comes to ")[2][:2] for text in re.findall(r"^(?:A: |Hard).*$", last, re.M)]
        words = {"same": "yes" if len(set(ends)) == 1 else "no"}
        told = [chatter.verdict(name, words.get(name, str(draws.below(4) // 3)), draws) for name in form]
        return Completion("\n".join(told), usage=Usage(input=1, output=1))


async def play(folder: Path, *changes: tuple[str, str], tasks: int = 7, draws: int = 8) -> Run:
    text = written(tasks, draws)
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path = folder / "s.yaml"
    path.write_text(text, encoding="utf-8")
    return await agentlab.run(path, folder / "run")


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return asyncio.run(play(tmp_path_factory.mktemp("spoken")))


def by_hand(points: Sequence[Sequence[Floats]], target: Floats) -> dict[str, float]:
    """Unbiased parts of squared distance, means over tasks of lists of draws."""
    stacks = [np.array(own) for own in points if len(own) > 1]
    variance = [float(own.var(axis=0, ddof=1).sum()) for own in stacks]
    error = [float(((own - target) ** 2).sum(axis=1).mean()) for own in stacks]
    return {
        "error": float(np.mean(error)),
        "bias2": float(np.mean(error) - np.mean(variance)),
        "variance": float(np.mean(variance)),
        "incoherence": sum(variance) / sum(error),
    }


def said(run: Run, judge: str, unread: bool = False, arm: str = "team=one") -> list[list[Any]]:
    """By task, the labels of one judge; with `unread` also where it found no answer."""
    own = run.scores[(run.scores["judge"] == judge) & (run.scores["condition"] == arm)]
    found: dict[str, list[Any]] = {}
    for task, label, outcome in zip(own["task"], own["label"], own["outcome"], strict=True):
        found.setdefault(str(task), []).extend([label] if unread or outcome == "scored" else [])
    return list(found.values())


def equal(row: dict[str, Any], hand: dict[str, float]) -> None:
    for name, value in hand.items():
        assert row[name] == pytest.approx(value), name


def test_stated_probabilities_and_vectors_are_points(spoken: Run) -> None:
    found, labels = decomposition(spoken), said(spoken, "stated")
    assert any(len(task) < 8 for task in labels)
    p = [[np.array(list(json.loads(label).values())) for label in task] for task in labels]
    row = only(found, "decomposition", measure="stated", condition="team=one", loss="brier")
    equal(row, by_hand(p, np.array([0, 1, 0])))
    assert rows(found, "companions", measure="stated", condition="team=one")
    assert [row["delta"] for row in rows(found, "sweep", condition="team=one")] == [1e-12, 1e-6, 1e-3, 1e-2]
    assert {row["measure"] for table in ("decomposition", "differences") for row in rows(found, table, loss="kl")} == {
        "stated"
    }
    assert all(np.isnan(one["excess"]) for one in rows(found, "differences", measure="stated"))
    points = [[np.array(json.loads(label)) for label in task] for task in said(spoken, "place")]
    row = only(found, "decomposition", measure="place", condition="team=one")
    assert row["loss"] == "norm"
    equal(row, by_hand(points, np.array([1.0, 2.0])))
    lost = sum(8 - len(task) for task in labels)
    assert any(
        note.startswith(f"stated: rollouts excluded because they are unscored or the only draw of a task: {lost}")
        for note in found.notes
    )


def test_no_answer_is_an_answer_that_is_wrong(spoken: Run) -> None:
    found = decomposition(spoken)
    for measure, right in (("letter", "B"), ("number", "42")):
        labels = [
            [label if isinstance(label, str) else "none" for label in task]
            for task in said(spoken, measure, unread=True)
        ]
        names = sorted({label for task in labels for label in task} | {right})
        assert "none" in names
        hot = [[np.eye(len(names))[names.index(label)] for label in task] for task in labels]
        row = only(found, "decomposition", measure=measure, condition="team=one", loss="brier")
        equal(row, by_hand(hot, np.eye(len(names))[names.index(right)]))
        beside = only(found, "companions", measure=measure, condition="team=one")
        hits = sum(label == right for task in labels for label in task)
        assert beside["accuracy"] == pytest.approx(hits / sum(map(len, labels)))
        assert row["draws"] == 8


def test_how_wrong_answers_scatter_does_not_depend_on_another_arm(spoken: Run) -> None:
    """One arm's outputs have an answer in all draws, whether or not some of the other's have none."""
    given, label = agentlab.load(spoken.folder), "letter"
    scores = spoken.scores.copy()
    own = (scores["judge"] == label) & (scores["condition"] == "team=one") & scores["label"].isna()
    scores.loc[own, "label"] = "C"
    given.__dict__["scores"] = scores
    alone = agentlab.load(spoken.folder)
    other = (scores["judge"] == label) & scores["label"].isna()
    alone.__dict__["scores"] = scores.assign(label=scores["label"].mask(other, "C"))
    two = [only(decomposition(run), "companions", measure=label, condition="team=one")["D"] for run in (given, alone)]
    assert two[0] == pytest.approx(two[1])


def test_arms_are_not_compared_where_judge_noise_is_not_separable(spoken: Run) -> None:
    found = decomposition(spoken)
    for measure in ("tests", "leaks"):
        assert rows(found, "decomposition", measure=measure)
        assert not rows(found, "differences", measure=measure)
        assert any(
            note.startswith(f"{measure}: arms are not compared on incoherence or disper") for note in found.notes
        )
    assert rows(found, "differences", measure="place")  # a fact, and no judgment


async def test_one_judge_draw_of_arms_with_unequal_judge_noise_claims_no_difference(tmp_path: Path) -> None:
    """The agents of both arms are alike; the judge is five times as noisy where an output is of the second."""
    found: dict[int, Analysis] = {}
    for draws in (1, 2):
        (tmp_path / str(draws)).mkdir()
        path = tmp_path / str(draws) / "s.yaml"
        path.write_text(judged_noisily(draws), encoding="utf-8")
        found[draws] = decomposition(await agentlab.run(path, path.parent / "run"))
    assert "differences" not in found[1].tables
    assert rows(found[1], "decomposition", measure="worth", condition="team=two")
    told = "worth: arms are not compared on incoherence or dispersion: judge noise is not separable"
    assert any(note.startswith(told) for note in found[1].notes)
    row = only(found[2], "differences", measure="worth")
    assert row["dispersion_difference_low"] < 0 < row["dispersion_difference_high"]


def judged_noisily(draws: int) -> str:
    speaker = {"name": "tests.unit.analysis.test_decomposition:Uneven"}
    return scenario(
        "uneven",
        seed=7,
        models={"default": speaker, "judge": speaker},
        tasks=numbered(12),
        organization=chain(["me"], says="You are calm."),
        factors={"team": {"one": {}, "two": {"organization": {"agents": {"me": {"system": "You are loud."}}}}}},
        draws=12,
        judges={"worth": {**rubric({"value": "Of value?"}, draws=draws), "scale": {"low": 0, "high": 100}}},
        measures={"worth": measured("worth", 0, 1, target=1)},
    )


@dataclass(frozen=True, slots=True)
class Uneven:
    """Says how good its output is, and how noisily it is to be judged."""

    name: str = "uneven"
    capabilities: Capabilities = EVERYTHING

    async def complete(self, request: Request) -> Completion:
        draws, last = RandomNumbers(request.where.stream), request.chat[-1].content
        if request.where.purpose != "judge":
            spread = 20 if "loud" in request.chat[0].content else 4
            return Completion(f"Worth {45 + draws.below(11)} give or take {spread}.")
        worth, spread = (int(number) for number in re.findall(r"Worth (\d+) give or take (\d+)", last)[-1])
        return Completion(chatter.verdict("value", str(worth + draws.below(2 * spread + 1) - spread), draws))


def test_criteria_that_are_met_or_not_are_unit_tests(spoken: Run) -> None:
    found = decomposition(spoken)
    for measure, right in (("tests", 1.0), ("leaks", 0.0)):
        own = spoken.scores[(spoken.scores["judge"] == measure) & (spoken.scores["condition"] == "team=one")]
        wide = own.pivot_table(index=["task", "draw"], columns="criterion", values="value", observed=True)
        passed = (wide.to_numpy() == right).astype(float).reshape(7, 8, -1)
        many = len({str(name) for name in own["criterion"]})
        row = only(found, "decomposition", measure=measure, condition="team=one")
        assert row["loss"] == "coverage"
        equal(row, by_hand(list(passed / many**0.5), np.full(many, many**-0.5)))
        plug = only(found, "plug_in", measure=measure, condition="team=one")
        rates = passed.mean(axis=1)
        assert plug["incoherence"] == pytest.approx((rates * (1 - rates)).sum() / (1 - rates).sum())


ALIKE = ("  tests: {kind", "  alike: {kind: equivalence}\n  tests: {kind")
NO_NUMBER = ("  number: {kind: match, by: number}\n", ""), ("  number: {judge: number, unparsed: 0}\n", "")


async def test_outputs_that_mean_the_same_are_groups_of_their_own(tmp_path: Path) -> None:
    known, unknown = tmp_path / "known", tmp_path / "unknown"
    for folder in (known, unknown):
        folder.mkdir()
    run = await play(known, ALIKE, tasks=6, draws=4)
    found = decomposition(run)
    row = only(found, "decomposition", measure="alike", condition="team=one", loss="brier")
    same = only(found, "decomposition", measure="number", condition="team=one", loss="brier")
    assert [row[name] for name in ("error", "bias2", "variance")] == pytest.approx(
        [same[name] for name in ("error", "bias2", "variance")]
    )
    assert "alike: groups of outputs with the same meaning; number defines what is right" in found.notes
    assert not rows(decomposition(run, measure="number"), "decomposition", measure="alike")
    run = await play(unknown, ALIKE, *NO_NUMBER, tasks=6, draws=4)
    found = decomposition(run)
    assert not rows(found, "decomposition", measure="alike")
    beside = only(found, "companions", measure="alike", condition="team=one")
    assert beside["disagreement"] == pytest.approx(row["variance"])
    assert np.isnan(beside["accuracy"])
    assert not rows(found, "differences", measure="alike")
    assert any(note.startswith("alike: groups of outputs with the same meaning; none is") for note in found.notes)


def embedded(run: Run, path: Path) -> Floats:
    """A CSV of one arm's outputs as two numbers; returns them by task and draw."""
    own = run.rollouts[run.rollouts["condition"] == "team=one"].sort_values(["task", "draw"])
    points = np.random.default_rng(0).normal(size=(len(own), 2))
    pd.DataFrame({"rollout": own["rollout"].to_numpy(), "x": points[:, 0], "y": points[:, 1]}).to_csv(path, index=False)
    return points.reshape(7, 8, 2)


def test_embeddings_have_a_variance_only(spoken: Run, workdir: Path) -> None:
    points = embedded(spoken, Path("e.csv"))
    found = decomposition(spoken, embeddings="e.csv")
    (row,) = rows(found, "embeddings")
    assert row["variance"] == pytest.approx(points.var(axis=1, ddof=1).sum(axis=1).mean())
    assert row["plug_in"] == pytest.approx(points.var(axis=1).sum(axis=1).mean())
    assert (row["condition"], row["tasks"], row["draws"], row["left_out"]) == ("team=one", 7, 56, 0)
    assert next(iter(found.tables)) == "embeddings"


Change = Callable[[pd.DataFrame], pd.DataFrame]
CHANGES: list[tuple[Change, str]] = [
    (lambda table: table.rename(columns={"rollout": "key"}), "must be a CSV file with a column `rollout`"),
    (lambda table: table.assign(x="far"), "must be a CSV file with a column `rollout` and columns of numbers"),
    (lambda table: table[["rollout"]], "`rollout` is the only column"),
    (lambda table: table.assign(x=float("nan")), "a number is missing or infinite"),
    (lambda table: table.assign(rollout="nosuch"), "no rollout 'nosuch' in"),
    (lambda table: pd.concat([table, table.head(1)]), "a rollout has two rows"),
    (lambda table: table.head(1), "no task has two embeddings in any arm"),
]


@pytest.mark.parametrize(("change", "why"), CHANGES)
def test_embeddings_that_are_wrong_are_refused(spoken: Run, workdir: Path, change: Change, why: str) -> None:
    embedded(spoken, Path("e.csv"))
    change(pd.read_csv("e.csv")).to_csv("e.csv", index=False)
    with pytest.raises(AnalysisError) as caught:
        decomposition(spoken, embeddings="e.csv")
    assert why in str(caught.value)
    with pytest.raises(AnalysisError, match=r"nosuch\.csv: must be a CSV"):
        decomposition(spoken, embeddings="nosuch.csv")


async def test_one_draw_and_no_target_are_refused_and_say_what_is_missing(tmp_path: Path) -> None:
    changes = (
        ("  leaks: {judge: leaks, range: [0, 1], target: 0}\n", "  misalignment: {judge: mild, range: [1, 0]}\n"),
        ("  leaks: {kind: rubric, scale: {low: 0, high: 1}", "  mild: {kind: rubric, scale: {low: 0, high: 9}"),
    )
    run = await play(tmp_path, *changes, tasks=2, draws=1)
    with pytest.raises(AnalysisError, match="nothing to decompose") as caught:
        decomposition(run)
    told = str(caught.value)
    assert told.count("no task has two scored draws in any arm, and variance needs two") == 1
    assert "nothing to decompose: stated, place, number, " in told
    assert "measures.misalignment has no `target`, so there is no bias; add `target: 0` and run again" in told
    with pytest.raises(AnalysisError, match="has no measure 'beauty'; it has stated, place"):
        decomposition(run, measure="beauty")


def test_the_command_line_prints_them(calibration: Run, spoken: Run, workdir: Path) -> None:
    result = CliRunner().invoke(app, ["stats", str(calibration.folder), "decompose", "--csv", "out"])
    assert result.exit_code == 0, result.output
    for heading in ("Bias and variance", "companions", "dispersion", "for such answers, incoherence is nearly"):
        assert heading in result.stdout or heading in result.stdout.lower()
    rows = [line for line in result.stdout.splitlines() if line.startswith(" ") and not line.startswith("  ")]
    assert max(map(len, rows)) <= 140
    written = sorted(path.name for path in Path("out").iterdir())
    assert written == sorted(
        ["decomposition.csv"]
        + [f"decomposition_{name}.csv" for name in "companions differences dispersion plug_in ratios tasks".split()]
    )
    table = pd.read_csv("out/decomposition.csv")
    assert len(table) == 2 * (2 + 1 + 1)
    embedded(spoken, Path("e.csv"))
    words = ["stats", str(spoken.folder), "decompose", "--measure", "number", "--embeddings", "e.csv"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert "plug in" in result.stdout
    refused = CliRunner().invoke(app, ["stats", str(spoken.folder), "components", "--embeddings", "e.csv"])
    assert refused.exit_code == 2, "an analysis takes its own options only"
