"""What a judge's anchor texts say of it, and whether it may say who did better."""

from typing import Any

import pytest

from agentlab.judges.anchor_report import AnchorReport, of_texts
from agentlab.judges.anchors import exhibits
from agentlab.judges.rubric import RubricConfig
from agentlab.types import Verdict

TEXTS = {"task": "?", "good": ["g1", "g2"], "bad": ["b1", "b2"], "empty": ["e"], "padded": ["p", "q"]}


def rubric(**more: Any) -> RubricConfig:
    return RubricConfig.model_validate({"kind": "rubric", "criteria": {"a": {"text": "Is it good?"}}, **more})


def anchored(scores: dict[str, float], share: float | None = None) -> Any:
    config = rubric(anchors={"x": TEXTS}, criteria={"a": {"text": "x"}, "idle": {"text": "y", "count": False}})
    anchors = exhibits(config)
    assert [a.role for a in anchors] == ["good", "good", "bad", "bad", "empty", "padded", "padded"]
    verdicts = [
        Verdict("a", "scored", scores[a.judge_input.output], mass=share, rollout=a.key)
        for a in anchors
        if a.judge_input.output in scores
    ]
    return of_texts(config, anchors, verdicts)


def judged(good: list[float], bad: list[float], **of: Any) -> AnchorReport:
    """The report on a judge that gives a family's good and bad texts these scores."""
    texts = {"task": "?", "good": [f"g{i}" for i in range(len(good))], "bad": [f"b{i}" for i in range(len(bad))]}
    config = rubric(anchors={"x": texts}, **of)
    scores = dict(zip([*texts["good"], *texts["bad"]], [*good, *bad], strict=True))
    anchors = exhibits(config)
    return of_texts(
        config, anchors, [Verdict("a", "scored", scores[str(a.judge_input.output)], rollout=a.key) for a in anchors]
    )


def test_anchors_measure_the_judge() -> None:
    scores = {"g1": 5.0, "g2": 3.0, "b1": 1.0, "b2": 3.0, "e": 1.0, "p": 5.5, "q": 4.0}
    found = anchored(scores, 0.9)
    assert found.auc == pytest.approx(0.875)  # g1 beats both, g2 beats one and ties with one
    assert (found.signal, found.mass, found.scored) == pytest.approx((2.0, 0.9, 7))
    assert found.means["empty"] == 1.0
    assert "AUC 0.88 [" in str(found)


def test_padding_is_the_gain_of_each_text_over_itself_with_an_interval() -> None:
    found = anchored({"g1": 5.0, "g2": 3.0, "b1": 1.0, "b2": 3.0, "p": 5.5, "q": 4.0})
    assert found.padding == pytest.approx(0.75)  # of .5 and 1; the mean of good texts has no part in it
    half = 12.7062047 * (0.125 / 2) ** 0.5
    assert (found.padding_low, found.padding_high) == pytest.approx((0.75 - half, 0.75 + half))
    one = anchored({"g1": 5.0, "g2": 3.0, "b1": 1.0, "b2": 3.0, "q": 4.0})
    assert (one.padding, one.padding_low) == (1.0, None)


def test_two_anchors_decide_nothing_however_well_they_are_scored() -> None:
    few = judged([5.0], [1.0])
    assert (few.auc, few.outcome) == (1.0, "undecided")
    assert few.suppressed == (
        "undecided: AUC 1.00 [0.21, 1.00] of 1 good and 1 bad anchor text cannot be distinguished from 0.5; 8 of "
        "each would decide if the AUC stays the same",
    )
    assert judged([5.0, 4.0, 5.0], [1.0, 2.0]).outcome == "undecided"


def test_a_judge_passes_that_is_good_and_could_not_be_guessing() -> None:
    passed = judged([5.0, 4.0, 5.0, 4.0], [1.0, 2.0, 3.0, 1.0])
    assert (passed.auc, passed.outcome, passed.suppressed) == (1.0, "passed", ())
    assert "(passed)" in str(passed)
    near = judged([5.0, 4.0, 2.0, 4.0, 3.5], [1.0, 2.5, 3.0, 1.0, 4.5])
    assert (near.auc, near.outcome) == (0.76, "undecided")
    assert "may be above or below 0.8; more than 200 of each" in near.suppressed[0]
    poor = judged([1.0, 2.0, 1.0, 2.0, 1.0, 2.0], [1.0, 2.0, 1.0, 2.0, 1.0, 2.0])
    assert (poor.auc, poor.outcome) == (0.5, "failed")
    assert poor.suppressed[0].endswith("is under 0.8")


def test_a_poor_judge_may_not_say_who_did_better() -> None:
    poor = anchored({"g1": 3.0, "b1": 3.0}, 0.2)
    assert (poor.auc, poor.outcome, len(poor.suppressed), poor.scored) == (0.5, "failed", 2, 2)
    assert "only 0.20 of the probability" in poor.suppressed[1]
    assert anchored({}).suppressed == ("no good or no bad anchor text was scored",)
    bare = of_texts(rubric(), [], [])
    assert bare.suppressed == ("the judge has no anchor texts; give it 8 good and 8 bad ones (`anchors`)",)
    assert str(bare) == "anchors: none are shipped"
    assert str(anchored({})) == "anchors: no AUC"


def test_judge_draws_are_averaged_before_they_are_compared() -> None:
    config = rubric(anchors={"x": TEXTS}, draws=2)
    anchors = [a for a in exhibits(config) if a.role in ("good", "bad")]
    draws = {"g1": (5, 2), "g2": (4, 4), "b1": (3, 3), "b2": (1, 1)}
    verdicts = [
        Verdict("a", "scored", float(score), draw=draw, rollout=a.key)
        for a in anchors
        for draw, score in enumerate(draws[str(a.judge_input.output)])
    ]
    assert of_texts(config, anchors, verdicts).auc == 1.0
    assert of_texts(config, anchors, [v for v in verdicts if v.draw == 1]).auc == 0.75


def test_an_anchor_text_that_stands_there_twice_is_a_mistake() -> None:
    flaws = rubric(anchors={"x": {**TEXTS, "bad": ["b1", "g2"]}}).mistakes()
    assert [path for path, _, _ in flaws] == [("anchors", "x", "bad", 1)]
