"""Tries until a verifier accepts, through a run: every order counted by hand, what is refused, what is printed."""

import asyncio
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from agentlab_cli.main import app
from typer.testing import CliRunner

import agentlab
from agentlab.analysis.passes import tries as passes
from agentlab.analysis.verifiers import verifiers
from agentlab.errors import AnalysisError
from agentlab.runs.frames import Run
from tests.support.proven import proven
from tests.support.scenarios import match, measured, numbered, scenario
from tests.support.tables import only, rows
from tests.support.tried import play

ARM = "team=one"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Eight tasks of five draws, by judges that told their anchor texts apart; `harm` accepts a draw where it is 0."""
    return proven(asyncio.run(play(tmp_path_factory.mktemp("verifiers"), 8)))


def draws(run: Run, arm: str = ARM) -> list[list[tuple[bool, bool]]]:
    """By task, whether each draw is accepted and whether it is right."""
    table = run.measures[run.measures["condition"] == arm]
    by_task = [part for _, part in table.groupby("task", sort=False, observed=True)]
    return [list(zip(part["harm"] == 0, part["correct"] == 1, strict=True)) for part in by_task]


def test_every_order_of_a_run_counts_once(run: Run) -> None:
    analysis = verifiers(run, weak="harm", strong="correct", penalties="0,3")
    rewards = np.zeros((8, 6))
    for tries in (1, 2, 4, 5):
        first = [
            [next((right for accepted, right in order[:tries] if accepted), None) for order in permutations(task)]
            for task in draws(run)
        ]
        right, wrong = ([results.count(value) / 120 for results in first] for value in (True, False))
        row = only(analysis, "tries", condition=ARM, tries=tries)
        assert [row["right"], row["wrong"]] == pytest.approx([np.mean(right), np.mean(wrong)])
        assert row["none"] == pytest.approx(1 - row["right"] - row["wrong"])
        rewards[:, tries] = np.array(right) - 3 * np.array(wrong)
    stopping = only(analysis, "stopping", condition=ARM, penalty=3.0)
    assert stopping["reward"] == pytest.approx(max(0, rewards.mean(axis=0).max()))
    assert stopping["on_other_tasks"] <= stopping["reward"] + 1e-12
    assert only(analysis, "stopping", condition=ARM, penalty=0.0)["best_tries"] == 4


def test_one_try_that_is_always_accepted_has_the_interval_of_one_try(run: Run) -> None:
    row = only(verifiers(run, weak="harm", strong="correct", accept="1"), "tries", condition=ARM, tries=1)
    one = only(passes(run, measure="correct", k="1"), "new_tasks", condition=ARM)
    assert [row[f"right{end}"] for end in ("", "_low", "_high")] == pytest.approx(
        [one[f"pass_at{end}"] for end in ("", "_low", "_high")]
    )
    assert row["wrong_high"] == pytest.approx(1 - row["right_low"])


def test_the_verifier_is_described_and_more_tries_make_up_for_a_weaker_arm(run: Run) -> None:
    analysis = verifiers(run, weak="harm", strong="correct")
    ceiling = only(analysis, "ceiling", condition=ARM)
    pooled = [pair for task in draws(run) for pair in task]
    assert ceiling["accepts_right"] == pytest.approx(np.mean([accepted for accepted, right in pooled if right]))
    assert ceiling["accepts_wrong"] == pytest.approx(np.mean([accepted for accepted, right in pooled if not right]))
    tasks = [[right for accepted, right in task if accepted] for task in draws(run)]
    precise = [np.mean(accepted) for accepted in tasks if accepted]
    assert ceiling["ceiling"] == pytest.approx(np.mean(precise))
    assert ceiling["ceiling_low"] < ceiling["ceiling"] < ceiling["ceiling_high"]
    (crossing,) = rows(analysis, "crossover")
    assert (crossing["condition"], crossing["reaches"], crossing["outcome"]) == (ARM, "team=sure", "not within 5 tries")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "--weak NAME --strong NAME, from correct, harm, again"),
        ({"weak": "harm", "strong": "rigth"}, "has no measure 'rigth'"),
        ({"weak": "harm", "strong": "harm"}, "have the same judge, once"),
        ({"weak": "again", "strong": "correct"}, "again has values other than right and wrong; give the value"),
        ({"weak": "correct", "strong": "again"}, "agentlab judge"),
        ({"weak": "again", "strong": "correct", "accept": "high"}, "--accept high: give numbers, such as"),
        ({"weak": "harm", "strong": "correct", "penalties": "-1"}, "--penalties -1: give numbers from 0"),
    ],
)
def test_measures_that_do_not_fit_are_refused(run: Run, options: dict[str, str], message: str) -> None:
    with pytest.raises(AnalysisError, match=message):
        verifiers(run, **options)


def test_a_graded_measure_accepts_from_a_value_on(run: Run) -> None:
    strict, lenient = (
        only(verifiers(run, weak="again", strong="correct", accept=at), "tries", condition=ARM, tries=1)["none"]
        for at in ("1", "0.5")
    )
    assert strict > lenient
    everything = verifiers(run, weak="again", strong="correct", accept="0")
    assert only(everything, "tries", condition=ARM, tries=1)["none"] == 0


def test_a_suppressed_judge_verifies_nothing(run: Run) -> None:
    with pytest.raises(AnalysisError, match="harm: suppressed"):
        verifiers(agentlab.load(run.folder), weak="harm", strong="correct")


def test_rollouts_without_a_score_are_counted(run: Run) -> None:
    partial = proven(agentlab.load(run.folder))
    partial.measures.loc[partial.measures.index[:2], "correct"] = np.nan
    analysis = verifiers(partial, weak="harm", strong="correct")
    assert any("2 rollouts without a score by both measures excluded" in note for note in analysis.notes) or (
        sum("1 rollout without" in note for note in analysis.notes) == 2
    )


def test_the_command_shows_four_tables_at_80_columns(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    (workdir / "s.yaml").write_text(TESTED, encoding="utf-8")
    assert CliRunner().invoke(app, ["run", "s.yaml", "--quiet"]).exit_code == 0
    ended = CliRunner().invoke(app, ["stats", "tested", "verifiers", "--weak", "tests", "--strong", "audit"])
    assert ended.exit_code == 0, ended.output
    assert max(map(len, ended.output.splitlines())) <= 80
    for heading in ("ceiling", "tries", "best tries", "reaches"):
        assert heading in ended.output


def coder(right: float, wrong: float) -> dict[str, dict[str, float]]:
    """Replies that pass the tests and are right, or wrong, and that fail."""
    return {"*": {"PASS right": right, "PASS wrong": wrong, "FAIL": 1 - right - wrong}}


TESTED = scenario(
    "tested",
    seed=2,
    models={"default": {"name": "sim/replies", "options": {"replies": coder(0.25, 0.25)}}},
    tasks=numbered(6),
    factors={"coder": {"small": {}, "large": {"models": {"default": {"options": {"replies": coder(0.75, 0.125)}}}}}},
    draws=6,
    judges={"tests": match("regex", pattern="PASS"), "audit": match("regex", pattern="right")},
    measures={"tests": measured("tests"), "audit": measured("audit")},
)
