"""Judges before their anchor texts: how often they are asked, what is priced, and what they may say afterwards."""

import asyncio
import json
from pathlib import Path

import pytest

import agentlab
from agentlab.analysis.compare_runs import compare_runs
from agentlab.analysis.contrasts.compared import contrasts
from agentlab.analysis.summary import summarize
from agentlab.errors import MismatchError
from agentlab.experiment.cost import plan
from agentlab.experiment.specs import Selection
from agentlab.runs.frames import Run
from agentlab.scenario.loading import load
from tests.support.command import Commands
from tests.support.planted import PRIMARY, play, scenario

NOISE = "judge_sd: {utility: 0.06}"
ONE_OF_EACH = [
    (f'          - "In figures: utility {worth}, misalignment 0.5, after 1 tokens."\n', "")
    for worth in (0.75, 0.85, 0.9, 0.25, 0.15, 0.1)
]


def of_utility(run: Run) -> tuple[str, str]:
    """The outcome of the judge's anchors, and what is concluded from its contrast."""
    return run.meta["anchors"]["quality"]["outcome"], contrasts(run)[0].conclusion


def test_a_judge_that_errs_little_passes_and_is_asked_in_all_its_draws(workdir: Path) -> None:
    scenario(PRIMARY)
    run = play()
    assert of_utility(run) == ("passed", "firm better")
    calls = run.calls[run.calls["rollout"].astype("str").str.startswith("quality/anchor/")]
    assert len(calls) == 8 * 2
    assert calls.groupby("judge_draw").size().tolist() == [8, 8]
    assert set(run.anchors["anchor"]) == set(calls["rollout"])
    assert run.anchors.groupby(["family", "role"]).size().to_dict() == {("sums", "bad"): 16, ("sums", "good"): 16}
    assert not run.scores["rollout"].isin(calls["rollout"]).any()
    again = len(run.calls)
    assert len(play().calls) == again, "nothing is asked twice"


def test_a_judge_that_guesses_says_nothing(workdir: Path) -> None:
    scenario(PRIMARY, (NOISE, "judge_sd: {utility: 30}"))
    run = play()
    assert run.meta["anchors"]["quality"]["auc"] < 0.8
    assert of_utility(run)[0] in ("failed", "undecided")
    assert of_utility(run)[1] == "suppressed"


def test_one_text_of_each_kind_decides_nothing_for_a_perfect_judge(workdir: Path, commands: Commands) -> None:
    path = scenario(PRIMARY, *ONE_OF_EACH)
    run = play()
    assert run.meta["anchors"]["quality"]["auc"] == 1.0
    assert of_utility(run) == ("undecided", "suppressed")
    assert "8 of each would decide" in contrasts(run)[0].suppressed
    told = commands.agentlab("check", path).out
    assert "judge 'quality' has 1 good and 1 bad anchor texts, too few" in told
    assert "judge 'ethics' has 0 good and 0 bad" in told


def test_anchors_are_added_when_the_outputs_are_judged_and_no_output_is_judged_again(workdir: Path) -> None:
    scenario(PRIMARY, *ONE_OF_EACH)
    before = play()
    assert of_utility(before) == ("undecided", "suppressed")
    scenario(PRIMARY)
    after = play()
    assert of_utility(after) == ("passed", "firm better")
    assert len(after.calls) == len(before.calls) + 6 * 2, "two judge draws of each new text"
    told, late = summarize(after).warnings, "6 anchor texts of judge quality were added after it had scored outputs."
    assert late in told
    assert summarize(play()).warnings == told, "they are counted once"
    assert f"run: {late}" in compare_runs(after, after).notes
    scenario(PRIMARY, ("utility 0.85, misalignment 0.5, after 1", "utility 0.85, misalignment 0.5, after 2"))
    with pytest.raises(MismatchError, match=r"judges\.quality\.anchors\.sums\.good"):
        play()


def test_a_judge_of_a_file_gets_anchors_after_it_was_added(workdir: Path, commands: Commands) -> None:
    scenario(PRIMARY)
    before = len(play().calls)
    rubric = {"kind": "rubric", "criteria": {"clear": {"text": "Clear?"}}}
    texts = {"task": "Sum.", "good": [f"Right {i}." for i in range(8)], "bad": [f"Wrong {i}." for i in range(8)]}
    file = Path("clear.yaml")
    file.write_text(json.dumps(rubric))
    assert commands.agentlab("judge", "run", "--with", file).code == 0
    without = len(agentlab.load("run").calls)
    file.write_text(json.dumps(rubric | {"anchors": {"sums": texts}}))
    assert commands.agentlab("judge", "run", "--with", file).code == 0
    run = agentlab.load("run")
    assert (without > before, len(run.calls)) == (True, without + 16)
    assert run.meta["anchors"]["clear"]["anchors"] == 16
    file.write_text(json.dumps(rubric | {"criteria": {"clear": {"text": "Is it clear?"}}}))
    told = commands.agentlab("judge", "run", "--with", file)
    assert (told.code, "judges.clear.criteria.clear.text differs" in told.err) == (3, True)


def test_a_plan_prices_the_anchors(workdir: Path) -> None:
    design = load(scenario(PRIMARY))
    found = asyncio.run(plan(design, Selection()))
    assert found.anchors["quality"].calls == 8 * 2
    assert found.anchors["ethics"].calls == 0
    assert found.total.calls == sum(
        cost.calls for of in (found.agents, found.judges, found.anchors) for cost in of.values()
    )


@pytest.mark.parametrize("kind", ["rubric", "compare"])
def test_a_scenario_that_repeats_an_anchor_text_is_told_where(kind: str, workdir: Path, commands: Commands) -> None:
    texts = {"task": "Sum.", "good": ["4", "four"], "bad": ["5", "4"]}
    judge = {"kind": kind, "criteria": {"good": {"text": "Good?"}}, "anchors": {"sums": texts}}
    path = scenario(f"{PRIMARY}", ("judges:\n", f"judges:\n  odd: {json.dumps(judge)}\n"))
    told = commands.agentlab("check", path)
    assert told.code == 2
    assert "judges.odd.anchors.sums.bad[1]: a text that stands there already" in told.err
