"""The sentences that head every account of a run: right in each case, and never more than the statistics."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentlab.analysis.cells import chance
from agentlab.analysis.condition_summary import ConditionSummary
from agentlab.analysis.contrasts.compute import ArmComparison
from agentlab.analysis.contrasts.contrast import Contrast
from agentlab.analysis.contrasts.finding import digits
from agentlab.analysis.contrasts.missing import MissingValues
from agentlab.analysis.headline import headline
from agentlab.analysis.measure_summary import MeasureSummary
from agentlab.analysis.results import Results
from agentlab.analysis.summary import summarize
from agentlab.experiment.preregistration import InterimAnalysis, Primary
from agentlab.runs.frames import load
from agentlab.runs.imports import Columns, table
from agentlab.scenario.declared import Declared
from agentlab.stats.arm_mean import ArmMean
from agentlab.stats.bounds import Bounds
from agentlab.stats.contrasts.paired import Paired
from agentlab.stats.estimate import Estimate
from agentlab.stats.interval import Interval

UTILITY = MeasureSummary("utility", (0.0, 1.0), 1, None, "", "")
HARM = MeasureSummary("misalignment", (0.0, 1.0), -1, None, "", "")
CORRECT = MeasureSummary("correct", (0.0, 1.0), 1, 1.0, "", "")
MEASURES = {m.name: m for m in (UTILITY, HARM, CORRECT)}
PRIMARY = Primary(Declared("team", "team", "firm", "solo", {}, "utility"), "2026-01-01", 0)
FOR_NEW = Interval(0.25, 0.32, 0.02, 9, 0.001)


def paired(a: float, b: float, tasks: int = 10, new: Interval | None = None, **more: Any) -> Paired:
    return Paired(a - b, a, b, tasks, 3 * tasks, 0, new_tasks=new, **more)


def contrast(result: Paired, measure: str = "utility", holm: float | None = 0.001, **changes: Any) -> Contrast:
    made = Contrast(
        name="team",
        factor="team",
        a="firm",
        b="solo",
        within="",
        measure=measure,
        primary=PRIMARY,
        result=result,
        paired=True,
        scored=(result.pairs, result.pairs),
        missing=None,
        conditions=("team=firm", "team=solo"),
        arms=ArmComparison(0.0, False, {"output tokens": 1.0}, "output tokens", False, ()),
        interim=InterimAnalysis(1),
        declined=(0, 0),
        suppressed="",
        auc=None,
        judged=True,
        judge_share=None,
        holm=holm,
    )
    return replace(made, **changes)


def arm(level: str, right: int = 3, mean: float | None = 0.5, **statuses: int) -> ConditionSummary:
    bounds = dict.fromkeys(MEASURES, Bounds(mean, 0.1, 0.9, 8, 0))
    means = dict.fromkeys(MEASURES, ArmMean(Estimate(mean, 0.4, 0.6), Estimate(mean, 0.3, 0.7)))
    ended = statuses or {"delivered": 8}
    return ConditionSummary(
        condition=f"team={level}",
        rollouts=sum(ended.values()),
        statuses=ended,
        measures=bounds,
        means=means,
        right={"correct": right},
        delivered={},
        calls=8,
        output_tokens=8,
        tokens=8,
        cost=0.0,
        stepped=False,
        dropped=0,
        cut=0,
        turns_cut=0,
        unread={},
    )


def results(*found: Contrast, measures: tuple[MeasureSummary, ...] = (UTILITY, HARM, CORRECT), **more: Any) -> Results:
    arms = arm("firm", 3), arm("solo", 5)
    made = Results(
        name="known",
        tasks=10,
        arms=arms,
        compared=arms,
        measures={m.name: m for m in measures},
        contrasts=found,
        loop=(),
        played=16,
        unplayed=0,
        uncompared=0,
        again="",
        unjudged=0,
    )
    return replace(made, **more)


def only(*found: Contrast, **more: Any) -> str:
    (sentence,) = headline(results(*found, **more))
    return sentence


UTIL = contrast(paired(0.62, 0.33, new=FOR_NEW))


def test_the_better_arm_is_named_with_both_means_and_the_interval_that_decides() -> None:
    assert only(UTIL) == (
        "utility: firm did better than solo, 0.62 against 0.33 on a scale from 0 to 1 "
        "(difference 0.29, 95% CI for new tasks 0.25 to 0.32)."
    )


def test_where_less_is_better_the_lower_arm_did_better() -> None:
    assert only(contrast(paired(0.62, 0.33, new=FOR_NEW), "misalignment")) == (
        "misalignment: solo did better than firm, 0.33 against 0.62 on a scale from 0 to 1, where lower is better "
        "(difference 0.29, 95% CI for new tasks 0.25 to 0.32)."
    )


def test_unequal_rates_of_missing_scores_stand_beside_the_conclusion() -> None:
    lost = MissingValues((6, 0), (0.2, 0.0), (0.2, 0.4), (0.1, 0.5), None, 1.0)
    said = only(replace(UTIL, missing=lost))
    assert said.startswith("utility: firm did better than solo, ")
    assert said.endswith(". Scores are missing at unequal rates: firm 6 (20%), solo 0 (0%).")
    alike = MissingValues((6, 6), (0.2, 0.2), (0.2, 0.4), (0.1, 0.5), None, 1.0)
    assert "unequal" not in only(replace(UTIL, missing=alike))


def test_without_a_better_end_nobody_did_better() -> None:
    lower = contrast(paired(0.33, 0.62, new=Interval(-0.32, -0.25, 0.02, 9, 0.001)))
    told = only(lower, measures=(replace(UTILITY, better=None),))
    assert told.startswith("utility: solo scored higher than firm, 0.62 against 0.33")
    assert "(difference 0.29, 95% CI for new tasks 0.25 to 0.32)" in told


def test_right_answers_are_counted_and_few_tasks_speak_for_themselves_only() -> None:
    these = Interval(-0.879, 0.379, 0.3, 5, 0.36)
    few = contrast(paired(0.375, 0.625, 2, these_tasks=these), "correct", holm=0.36)
    assert headline(results(few, tasks=2)) == (
        "correct: no difference was found between firm and solo, 3 of 8 right against 5 of 8 "
        "(difference -0.25, 95% CI for these tasks -0.88 to +0.38).",
        "2 tasks cannot support conclusions about new tasks (at least 6 are needed).",
    )


def test_small_differences_and_wide_scales_have_the_digits_that_they_need() -> None:
    small = contrast(paired(0.5041, 0.5, new=Interval(0.002, 0.006, 0.001, 9, 0.001)))
    assert "0.5041 against 0.5000" in only(small)
    assert "(difference 0.0041, 95% CI for new tasks 0.0020 to 0.0060)" in only(small)
    wide = contrast(paired(57.3, 30, new=Interval(20, 34, 3, 9, 0.001)))
    assert "57.3 against 30.0 on a scale from 0 to 100" in only(wide, measures=(replace(UTILITY, range=(0, 100)),))


def test_equality_is_claimed_by_a_margin_only() -> None:
    near = paired(0.51, 0.5, new=Interval(-0.05, 0.07, 0.02, 9, 0.6))
    assert " no difference was found between" in only(contrast(near, holm=0.6))
    wide = contrast(near, holm=0.6, margin=0.05, equivalence_holm=0.4)
    assert only(wide).endswith("; equivalence within the margin of ±0.05 was not shown either.")
    equal = contrast(near, holm=0.6, margin=0.2, equivalence_holm=0.01)
    assert only(equal) == (
        "utility: firm and solo are equivalent within the declared margin of ±0.2, 0.510 against 0.500 on a scale from "
        "0 to 1 (difference +0.010, 95% CI for new tasks -0.050 to +0.070)."
    )
    both = replace(UTIL, margin=0.4, equivalence_holm=0.01)
    assert only(both).endswith("; this is within the margin of ±0.4.")


def test_what_missing_data_could_undo_is_not_concluded() -> None:
    lost = MissingValues((6, 0), (0.2, 0.0), (-0.1, 0.5), None, None, 1.0)
    assert only(replace(UTIL, missing=lost)) == (
        "utility: firm and solo differ among the available scores, 0.62 against 0.33 on a scale from 0 to 1, but the "
        "missing scores (6 of firm, 0 of solo) could reverse this, so nothing is concluded."
    )
    near = paired(0.51, 0.5, new=Interval(-0.05, 0.07, 0.02, 9, 0.6))
    equal = contrast(near, holm=0.6, margin=0.2, equivalence_holm=0.01, missing=lost)
    assert "are within the margin of ±0.2 among the available scores" in only(equal)
    few = replace(UTIL, missing=replace(lost, bounds=(0.1, 0.5)), result=replace(UTIL.result, dropped=6, pairs=24))
    assert "did better than solo, 0.62 against 0.33 on a scale from 0 to 1 over 24 complete pairs" in only(few)


def test_where_nothing_can_be_tested_the_reason_is_told() -> None:
    nothing = Paired(None, None, None, 0, 0, 6, notes=("no complete pair",))
    told = "utility: firm and solo cannot be compared, because no task has a score from both."
    assert only(contrast(nothing, holm=None)) == told
    single = paired(0.6, 0.5, 2, notes=("no interval for these tasks: 1 of 2 tasks have one pair, and two are needed",))
    (first, _) = headline(results(contrast(single, holm=None), tasks=2))
    assert first.endswith("; there is no test, because 1 of 2 tasks have one pair, and two are needed.")
    other = contrast(paired(0.6, 0.5, 2, these_tasks=FOR_NEW), holm=None)
    assert "because the other primary contrasts are about new tasks" in headline(results(other))[0]
    same = contrast(paired(0.5, 0.5, constant=True), holm=None, arms=replace(UTIL.arms, coupled=True))
    assert only(same) == "utility: firm and solo gave the same replies, so there is nothing to test."


def test_a_test_that_cannot_find_a_difference_is_not_said_to_have_found_none() -> None:
    three = replace(paired(0.84, 0.03, 1, constant=True, sign_flip=0.25), dropped=3)
    few = contrast(three, primary=None, holm=None)
    assert few.conclusion == "open: too few pairs"
    assert headline(results(few, tasks=1))[0] == (
        "utility: firm and solo have 0.84 against 0.03 on a scale from 0 to 1 over 3 complete pairs; nothing is "
        "concluded, because 3 pairs are too few to show any difference (p 0.250)."
    )
    none = replace(few, result=replace(few.result, difference=0.0, mean_a=0.03, sign_flip=1.0))
    assert none.conclusion == "no difference found"
    six = replace(few, result=replace(few.result, pairs=6, sign_flip=2 / 2**6))
    assert six.conclusion.endswith(("better", "higher"))


def test_primary_contrasts_are_named_first_those_with_a_conclusion_before_the_others() -> None:
    near = contrast(paired(0.51, 0.5, new=Interval(-0.05, 0.07, 0.02, 9, 0.6)), holm=0.6)
    found = [replace(near, within=f"tone={name}") for name in "abc"]
    told = headline(results(*found, UTIL, replace(UTIL, primary=None, measure="misalignment")))
    assert [sentence.partition(":")[0] for sentence in told] == ["utility", "utility (tone=a)", "utility (tone=b)"]
    assert told[-1].endswith(". No difference was found in the other primary contrast.")


def test_exploratory_contrasts_are_named_in_their_order_and_said_to_be_unadjusted() -> None:
    near = contrast(paired(0.51, 0.5, new=Interval(-0.05, 0.07, 0.02, 9, 0.6)), primary=None, holm=None)
    shown = replace(UTIL, primary=None, holm=None)
    told = headline(results(near, near, near, shown, shown))
    assert len(told) == 4
    assert all("no difference was found" in sentence for sentence in told[:3])
    assert told[2].endswith(" A difference was found in 2 of the 2 other exploratory contrasts.")
    assert told[3] == "No primary contrast is among these, so p values are not adjusted for multiple comparisons."


def test_what_is_suppressed_tells_its_reason_and_no_number() -> None:
    doubt = "their judge cannot tell good from bad anchor texts (AUC 0.50, needs 0.80)"
    failed = replace(HARM, suppressed="AUC 0.50", doubt=doubt)
    hidden = contrast(paired(0.61, 0.34, new=FOR_NEW), "misalignment", suppressed="AUC 0.50", holm=None)
    told = headline(results(UTIL, hidden, measures=(UTILITY, failed)))
    assert told[1:] == (f"The misalignment scores are suppressed: {doubt}.",)
    alone = headline(results(hidden, replace(UTIL, primary=None, holm=None), measures=(UTILITY, failed)))
    assert alone == told[1:], "an exploratory contrast does not stand in for a primary one"


def test_what_failed_is_told_at_most_four_sentences_in_all() -> None:
    arms = (arm("firm", delivered=5, infrastructure=2, cancelled=1), arm("solo"))
    failed = replace(HARM, suppressed="AUC 0.50", doubt="their judge failed")
    many = [replace(UTIL, primary=None, holm=None)] * 5
    told = headline(results(*many, arms=arms, measures=(UTILITY, failed)))
    assert len(told) == 4
    assert told[0].endswith("A difference was found in 4 of the 4 other exploratory contrasts.")
    assert told[-1] == "3 of 16 rollouts failed or were stopped, and count as missing."
    one = headline(results(UTIL, arms=(arm("firm", delivered=7, infrastructure=1), arm("solo"))))[-1]
    assert one == "1 of 16 rollouts failed or was stopped, and counts as missing."
    lost = tuple(replace(one, statuses={"infrastructure": 8}) for one in arms)
    assert headline(results(UTIL, arms=lost)) == ("All 16 rollouts failed or were stopped, so there are no results.",)


def test_a_run_that_is_not_finished_says_so() -> None:
    told = headline(results(UTIL, unplayed=4, unjudged=1, uncompared=2))
    lost = "4 of 20 rollouts are not played yet; 1 of 16 rollouts is not judged yet"
    assert told[0] == f"{lost}; 2 of 3 primary contrasts have no rollouts of both arms."
    assert len(told) == 2
    arms = (arm("firm", delivered=5, infrastructure=3), arm("solo"))
    assert headline(results(UTIL, arms=arms, unplayed=1))[0] == (
        "1 of 17 rollouts is not played yet; 3 of 16 rollouts failed or were stopped, and count as missing."
    )


def test_an_interval_that_does_not_decide_is_not_told_alone() -> None:
    apart = paired(0.62, 0.33, new=Interval(0.05, 0.5, 0.1, 9, 0.02))
    assert only(contrast(apart, holm=0.08)) == (
        "utility: no difference was found between firm and solo, 0.62 against 0.33 on a scale from 0 to 1 "
        "(difference +0.29, 95% CI for new tasks +0.05 to +0.50, but adjusted p 0.080)."
    )
    holds = paired(0.62, 0.33, new=Interval(-0.01, 0.5, 0.1, 9, 0.06))
    assert "95% CI for new tasks -0.01 to 0.50, but adjusted p 0.020)" in only(contrast(holds, holm=0.02))


def test_counts_of_right_answers_are_told_only_where_they_are_what_is_compared() -> None:
    fewer = paired(0.5, 0.25, 2, these_tasks=Interval(0.1, 0.4, 0.1, 5, 0.01))
    few = headline(results(contrast(fewer, "correct", holm=0.01), arms=(arm("firm", 3), arm("solo", 5)), tasks=2))
    assert few[0].startswith("correct: firm did better than solo, 0.50 against 0.25 on a scale from 0 to 1 (")


@pytest.mark.parametrize(
    ("interim", "sentence"),
    [
        (InterimAnalysis(3), "This is look 3 at these data, and repeated looks raise the false-positive rate."),
        (
            InterimAnalysis(2, 0.5, (0.25, 0.5), "pocock"),
            "This is look 2, at 50% of the planned pairs; the intervals account for all planned looks.",
        ),
        (
            InterimAnalysis(2, 0.5, (0.5,), "any"),
            "This is look 2, at 50% of the planned pairs; the intervals are valid at every look.",
        ),
    ],
)
def test_looks_are_told(interim: InterimAnalysis, sentence: str) -> None:
    first, second = headline(results(replace(UTIL, interim=interim)))
    assert second == sentence
    label = {None: "95% CI for", 0.5: "95% CI at every look for" if interim.spend == "any" else "CI of this look for"}
    assert label[interim.share] in first


def test_an_unplanned_look_concludes_nothing() -> None:
    assert only(replace(UTIL, interim=InterimAnalysis(2, 0.4))) == (
        "utility: firm and solo have 0.62 against 0.33 on a scale from 0 to 1; nothing is concluded, because this "
        "look was not planned."
    )


def test_one_condition_has_means_and_is_compared_with_nothing() -> None:
    told = headline(results(arms=(arm("firm"),)))
    assert told == (
        "utility: mean 0.50 on a scale from 0 to 1 (95% CI for new tasks 0.30 to 0.70).",
        "misalignment: mean 0.50 on a scale from 0 to 1 (95% CI for new tasks 0.30 to 0.70).",
        "correct: 3 of 8 right (95% CI for new tasks 0.30 to 0.70).",
        "Only one condition has rollouts, so nothing is compared.",
    )
    empty = {"utility": Bounds(None, math.nan, math.nan, 0, 8)}
    nothing = replace(arm("firm"), measures=empty)
    assert headline(results(arms=(nothing,), measures=(UTILITY,)))[0] == "utility: no score."


def test_an_imported_run_without_a_judge_and_an_empty_one_say_so(workdir: Path) -> None:
    rows = '{"q": "a", "text": "one", "arm": "x", "n": 1}\n{"q": "a", "text": "", "arm": "y", "n": 1}\n'
    Path("texts.jsonl").write_text(rows, encoding="utf-8")
    table(Path("texts.jsonl"), "jsonl", Columns.of("q", "text", "arm", (), "n", None, None, None), None, Path("run"))
    assert headline(summarize(load("run"))) == (
        "2 conditions on 1 task: 1 delivered, 1 incomplete.",
        "The run has no measure, so nothing is scored.",
    )
    assert headline(results(arms=())) == ("No rollout is finished yet.",)


@pytest.mark.parametrize(
    ("p", "told"), [(0.0498, "0.0498"), (0.05, "0.050"), (0.04996, "0.04996"), (0.3, "0.300"), (0.0005, "<.001")]
)
def test_a_p_value_is_told_apart_from_the_level(p: float, told: str) -> None:
    assert chance(p) == told


def test_a_limit_that_is_not_zero_does_not_look_like_it() -> None:
    assert digits(0.5, (0, 1), (0.001, 0.999)) == 3
    assert digits(0.5, (0, 1), (0.0, 0.9)) == digits(0.5, (0, 1)) == 2
