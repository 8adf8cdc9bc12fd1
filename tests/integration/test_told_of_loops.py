"""What check, plan, the progress and the tables of a self-training loop tell of it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from agentlab_cli.checked import checked, print_checked

from agentlab.analysis.analyse import analyse
from agentlab.analysis.generations.answers import blank
from agentlab.analysis.generations.replicates import ALIKE, NOTE, notes
from agentlab.analysis.summary import summarize
from agentlab.experiment.cost import RunPlan
from agentlab.experiment.cost import plan as estimate
from agentlab.experiment.progress import Progress
from agentlab.experiment.specs import Selection
from agentlab.report import organizations
from agentlab.report.section import Material
from agentlab.report.style import arm_styles
from agentlab.scenario.loading import load as load_design
from agentlab.scenario.remarks import remarks
from agentlab.scenario.replicates import few_replicates
from agentlab.training.loop.loop import train
from tests.support.loops import JUDGES, improve, tasks, trained, written
from tests.support.scenarios import chain

KEEP: dict[str, Any] = {"measure": "named", "at_least": 1, "dedupe": "none"}
CHOICE = {"named": {"kind": "match", "by": "choice", "choices": ["A", "B"]}, "right": JUDGES["right"]}


def told(folder: Path, **sections: Any) -> list[str]:
    return remarks(load_design(written(folder, **sections)))


def test_check_says_the_size_of_a_loop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scenario = checked(load_design(written(tmp_path, improve=improve(replicates=2))))
    print_checked(scenario)
    lines = capsys.readouterr().out.splitlines()
    assert scenario.rollouts == 2 * (6 * 4 * 2 + 6 * 2 * 3)
    assert "2 loops x 3 generations (0 to 2), 168 rollouts; judges: named, right" in lines
    assert "  test (hold out): 6 tasks x 2 draws x 3 generations" in lines


def test_few_replicates_are_told(tmp_path: Path) -> None:
    assert not any("replicates" in line for line in told(tmp_path, improve=improve()))
    assert any(
        "intervals over loops have 1 degree of" in line for line in told(tmp_path, improve=improve(replicates=2))
    )
    assert not any("replicates" in line for line in told(tmp_path, improve=improve(replicates=5)))


def test_thresholds_that_no_generation_has_are_told_with_their_line(tmp_path: Path) -> None:
    keep = {"measure": "named", "dedupe": "none"}
    (odd,) = (line for line in told(tmp_path, improve=improve(keep={**keep, "at_least": [0, 1, 1]})) if "thr" in line)
    line = odd.split(":")[1]
    assert "at_least" in (tmp_path / "loop.yaml").read_text().splitlines()[int(line) - 1]
    assert "3 thresholds, but generations: 2 trains 2 times" in odd
    assert "write `generations: 3`" in odd
    for fine in (1, [0, 1]):
        assert not any(
            "thresholds" in line for line in told(tmp_path, improve=improve(keep={**keep, "at_least": fine}))
        )


def test_duplicates_of_choices_are_told(tmp_path: Path) -> None:
    text = improve(keep={**KEEP, "dedupe": "text"})
    assert any("keep.dedupe is `text`" in line for line in told(tmp_path, judges=CHOICE, improve=text))
    assert not any("dedupe" in line for line in told(tmp_path, judges=CHOICE, improve=improve()))
    assert not any("dedupe" in line for line in told(tmp_path, improve=text))


def test_examples_that_nobody_reads_are_told(tmp_path: Path) -> None:
    shown = told(tmp_path, improve=improve(by={"kind": "exemplars"}))
    assert any("examples in the prompt" in line for line in shown)
    assert not any("examples in the prompt" in line for line in told(tmp_path, improve=improve()))


def planned(folder: Path, **by: Any) -> RunPlan:
    return asyncio.run(estimate(load_design(written(folder, improve=improve(by=by))), Selection()))


def test_a_plan_counts_examples_in_the_prompts_of_trained_generations(tmp_path: Path) -> None:
    plain, some, more = (
        planned(tmp_path, kind="shares"),
        *(planned(tmp_path, kind="exemplars", examples=examples) for examples in (1, 3)),
    )
    assert plain.total.calls == some.total.calls == more.total.calls
    trained_rollouts = 6 * 4 + 2 * 6 * 2
    one = some.total.usage.input - plain.total.usage.input
    assert one % trained_rollouts == 0
    assert one // trained_rollouts > 250, "a reply of 250 words, and the question"
    assert more.total.usage.input - plain.total.usage.input == 3 * one
    assert more.total.usage.output == plain.total.usage.output
    short = planned(tmp_path, kind="exemplars", examples=1, characters=400)
    assert short.total.usage.input - plain.total.usage.input == 100 * trained_rollouts


class _Noting(Progress):
    phases: list[str]

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "phase" and value:
            phases.append(value)
        super().__setattr__(name, value)


phases: list[str] = []


def test_progress_says_which_loop_is_trained(tmp_path: Path) -> None:
    phases.clear()
    path = written(tmp_path, tasks=tasks(2, 2), improve=improve(generations=1, replicates=2))
    asyncio.run(train(load_design(path), tmp_path / "run", _Noting()))
    assert [phase for phase in phases if "train loop" in phase] == [
        "generation 1: train loop 1 of 2",
        "generation 1: train loop 2 of 2",
    ]


def test_intervals_over_replicates_are_explained() -> None:
    row: dict[str, Any] = {"replicates": 5, "difference_low": -0.1}
    assert notes([row]) == [NOTE]
    assert notes([row, {**row, "replicates": 2}]) == [NOTE, few_replicates(2)]
    assert notes([row, {**row, "difference_low": None}]) == [NOTE, ALIKE]


def test_generations_say_which_interval_a_mean_has_and_why_cells_are_blank(tmp_path: Path) -> None:
    few = trained(tmp_path, tasks=tasks(6, 3), improve=improve(generations=1))
    found = analyse(few, "generations", {})
    assert "Means on train: 95% intervals for new tasks" in found.notes
    assert "Means on test: 95% intervals for these tasks, of which there are few" in found.notes
    shown = {name.replace("_", " ") for name in found.tables["answers"].columns}
    assert {"k", "pass at", "majority"} & shown <= set(found.legend)


def test_columns_with_blank_cells_are_named() -> None:
    rows: list[dict[str, Any]] = [{"incoherence": 0.5, "pass_at": None}, {"incoherence": float("nan"), "pass_at": None}]
    assert blank(rows) == ["incoherence"]
    assert blank(rows[:1]) == []


def test_an_organization_is_drawn_once_under_its_arm(tmp_path: Path) -> None:
    team: dict[str, Any] = {"organization": {"agents": {"you": {}}, **chain(["me"], ["you"])}}
    compare = {"primary": {"gain": {"generation": ["1", "0"], "measures": ["right"]}}}
    loop = improve(generations=1, replicates=2)
    factors: dict[str, Any] = {"team": {"alone": {}, "two": team}}
    run = trained(tmp_path, tasks=tasks(2, 2), improve=loop, factors=factors, compare=compare).held_out
    drawn = organizations.drawn(Material(run, summarize(run), arm_styles(run)))
    assert [[arm.label for arm in one.arms] for one in drawn] == [["team=alone"], ["team=two"]]
