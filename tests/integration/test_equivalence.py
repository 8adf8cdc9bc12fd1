"""Arms are found equivalent by a declared margin only, and what is not shown says what is excluded."""

from dataclasses import replace
from pathlib import Path

import pytest

from agentlab.analysis.contrasts.compared import contrasts
from agentlab.analysis.contrasts.contrast import Contrast
from agentlab.analysis.contrasts.missing import MissingValues
from agentlab.analysis.contrasts.table import contrasts as analysed
from agentlab.analysis.summary import summarize
from agentlab.experiment.preregistration import InterimAnalysis, register
from agentlab.runs.frames import Run
from agentlab.stats.contrasts.holm import holm
from agentlab.stats.contrasts.sequential import repeated_p
from tests.support.planted import PRIMARY, play, scenario

NOTHING = ("structure: {utility: 0.1, misalignment: 0.0}", "structure: {utility: 0.0, misalignment: 0.0}")


def compare(fields: str, *changes: tuple[str, str], looks: str = "", out: str = "run") -> Run:
    declared = PRIMARY.replace("measures: [utility]", f"measures: [utility]{fields}")
    scenario(declared + looks, *changes)
    return play(out)


def first(run: Run) -> Contrast:
    return contrasts(run)[0]


def test_without_a_margin_equality_is_never_claimed(workdir: Path) -> None:
    run = compare("", NOTHING)
    contrast = first(run)
    assert (contrast.conclusion, contrast.equivalence_p) == ("no difference found", None)
    interval = contrast.interval
    assert interval is not None
    told = f"the data exclude differences below {interval.low:+.3f} and above {interval.high:+.3f}."
    assert f"structure, firm - solo (tone=plain) (utility): {told}" in summarize(run).notes
    assert any(told in note for note in analysed(run).notes)


def test_a_margin_around_the_interval_makes_the_arms_equivalent(workdir: Path) -> None:
    contrast = first(compare(", margin: 0.2", NOTHING))
    assert contrast.interval is not None
    assert -0.2 < contrast.interval.low < contrast.interval.high < 0.2
    assert contrast.equivalence_p is not None
    assert contrast.equivalence_p < 0.025, "the interval of 95 % is that of 2.5 % on either side"
    assert contrast.conclusion == "equivalent within ±0.2"
    assert (contrast.holm, contrast.equivalence_holm) == tuple(holm([contrast.p, contrast.equivalence_p], ["s", "s"]))


def test_a_margin_that_the_interval_crosses_shows_nothing(workdir: Path) -> None:
    run = compare(", margin: {utility: 0.01}", NOTHING)
    assert first(run).conclusion == "no difference found"
    assert any(note.endswith("; the margin is ±0.01.") for note in summarize(run).notes)


def test_a_difference_may_be_shown_and_be_within_its_margin(workdir: Path) -> None:
    run = compare(", margin: 0.4")
    assert (first(run).conclusion, first(run).within_margin) == ("firm better", True)
    assert any(note.endswith("the difference is within its margin of ±0.4.") for note in summarize(run).notes)


@pytest.mark.parametrize("looks", ["looks: any\n", "looks: {planned: [0.5, 1]}\n"])
def test_equivalence_holds_at_every_look_that_is_allowed(looks: str, workdir: Path) -> None:
    once = first(compare(", margin: 0.2", NOTHING))
    played = compare(", margin: 0.2", NOTHING, looks=looks, out="looked")
    contrast = first(played)
    assert contrast.equivalence_p is not None
    assert once.equivalence_p is not None
    assert contrast.equivalence_p == pytest.approx(contrast.interim.valid(2 * once.equivalence_p) / 2)
    assert contrast.equivalence_p >= once.equivalence_p
    assert contrast.conclusion == "equivalent within ±0.2"


def test_one_side_of_a_boundary_takes_half_of_its_alpha() -> None:
    planned = InterimAnalysis(1, 0.5, (0.5,), "pocock")
    assert planned.valid_one_sided(0.01) == pytest.approx(repeated_p(0.02, (0.5,), "pocock") / 2)
    assert planned.valid_one_sided(0.7) == 0.7


def test_equivalence_that_missing_values_could_undo_is_not_concluded(workdir: Path) -> None:
    contrast = first(compare(", margin: 0.2", NOTHING))
    lost = MissingValues((2, 0), (0.07, 0.0), (-0.1, 0.15), None, None, 1.0)
    assert replace(contrast, missing=lost).conclusion == "equivalent within ±0.2"
    more = replace(contrast, missing=replace(lost, bounds=(-0.1, 0.25)))
    assert (more.conclusion, more.within_margin) == ("open: missing data", False)


def test_a_margin_that_comes_after_an_analysis_is_said_to_be_late(workdir: Path) -> None:
    scenario(PRIMARY, NOTHING)
    play(draws=2)
    run = compare(", margin: 0.2", NOTHING)
    assert register(run.meta).primary[0].margin_after == 1
    assert "structure (utility): its margin of 0.2 was declared after interim analysis 1." in summarize(run).notes
    again = compare(", margin: 0.2", NOTHING)
    assert register(again.meta).primary[0].margin_after == 1
