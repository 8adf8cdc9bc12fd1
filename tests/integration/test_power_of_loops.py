"""What `agentlab plan` foresees of a loop: on held-out tasks, for weights as given and for whole loops."""

from pathlib import Path
from typing import Any

import pytest
from agentlab_cli import planned
from agentlab_cli.layout import console_for

from agentlab.analysis.contrasts.pilot import piloted
from agentlab.experiment.power import TRAINING, Sample, assumed, prospects, sample
from agentlab.experiment.specs import Selection
from agentlab.scenario.design import Design
from agentlab.scenario.loading import load
from agentlab.stats.contrasts.power import detectable
from agentlab.stats.contrasts.power_of_loops import LoopDesign
from tests.support.loops import improve, tasks, trained, written

ARMS: dict[str, Any] = {"style": {"plain": {}, "warm": {"addendum": {"kind": {"text": "Be kind.", "to": "task"}}}}}
RIGHT: dict[str, Any] = {"right": {"judge": "right"}}


def sections(replicates: int, **more: Any) -> dict[str, Any]:
    return {"tasks": tasks(4, 8), "measures": RIGHT, "improve": improve(replicates=replicates), **more}


def designed(folder: Path, replicates: int = 3, **more: Any) -> Design:
    return load(written(folder, **sections(replicates, **more)))


def test_a_sample_is_the_held_out_tasks(tmp_path: Path) -> None:
    design = designed(tmp_path)
    assert sample(design, Selection()) == Sample(8, 8, 2, 3)
    assert sample(design, Selection(tasks=("test_0", "train_0"), draws=1)) == Sample(1, 1, 1, 3)
    assert sample(design, Selection(tasks=("train_0",))) is None


def test_arms_are_compared_over_loops_and_generations_within_them(tmp_path: Path) -> None:
    arms: tuple[tuple[dict[str, Any], bool], ...] = (({"factors": ARMS}, False), ({}, True))
    for more, gain in arms:
        design = designed(tmp_path, **more)
        (forecast,) = prospects(design, Sample(8, 8, 2, 3), assumed(design), 0.2)
        noise = forecast.basis.noise
        loops = LoopDesign(3, 8, 2, gain)
        assert forecast.loops == pytest.approx(loops.detectable(noise, TRAINING))
        assert forecast.loops_power == pytest.approx(loops.chance(0.2, noise, TRAINING))
        assert forecast.smallest == detectable(8, 2, noise, replicates=3)


def test_a_plan_tells_loops_from_weights_as_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for replicates, told in ((3, "loops: the smallest difference"), (1, "repeat the loop (`improve.replicates`)")):
        design = designed(tmp_path, replicates, factors=ARMS)
        forecasts = prospects(design, Sample(8, 8, 2, replicates), assumed(design))
        planned.foreseen(console_for(), design, forecasts, None, ())
        shown = " ".join(capsys.readouterr().out.split())
        assert told in shown
        assert "between trained weights as given" in shown
        assert ("between trainings" in shown) == (replicates > 1)


def test_a_pilot_with_replicates_measures_what_trainings_add(tmp_path: Path) -> None:
    compare = {"primary": {"style": {"style": ["plain", "warm"], "measures": ["right"]}}}
    more: dict[str, Any] = {"factors": ARMS, "compare": compare, "coupling": "none"}
    run = trained(tmp_path, **sections(3, **more))
    design = designed(tmp_path, **more)
    (found, most), remarks = piloted(run, design)
    assert 0 <= found.training < most.training
    assert not any("replicates" in remark for remark in remarks)
    assert found.noise == piloted(run.held_out, design)[0][0].noise, "of held-out tasks alone"


def test_a_pilot_without_replicates_says_that_trainings_are_assumed(tmp_path: Path) -> None:
    compare = {"primary": {"style": {"style": ["plain", "warm"], "measures": ["right"]}}}
    more: dict[str, Any] = {"factors": ARMS, "compare": compare, "coupling": "none"}
    run = trained(tmp_path, **sections(1, **more))
    (found, _), remarks = piloted(run, designed(tmp_path, **more))
    assert found.training == TRAINING
    assert any("the SD between trainings is assumed" in remark for remark in remarks)
