"""Which rollouts are kept: thresholds, schedules, duplicates, caps, preferences."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentlab.scenario.improve_fields import KeepFields
from agentlab.training.loop.keep import PREFER, Candidate, kept


def fields(**told: Any) -> KeepFields:
    return KeepFields.model_validate({"measure": "m", "at_least": 1, **told})


def candidate(draw: int, **told: Any) -> Candidate:
    parts: dict[str, Any] = {
        "task": "t",
        "status": "delivered",
        "output": f"text {draw}",
        "value": 1.0,
        "label": None,
        "turns": 1,
    }
    given: dict[str, Any] = {**parts, "cut": False, **told}
    return Candidate(f"r{parts['task']}{draw}", draw=draw, **given)


def reasons(found: list[Candidate]) -> dict[int, str]:
    return {one.draw: one.reason for one in found}


def test_each_rollout_has_its_own_reason() -> None:
    found = kept(
        [
            candidate(1),
            candidate(2, status="limit"),
            candidate(3, value=None),
            candidate(4, value=0.5),
            candidate(5, cut=True),
            candidate(6, turns=0),
            candidate(7, output="TEXT  1"),
        ],
        fields(prefer="shortest"),
        0,
        (),
    )
    told = reasons(found)
    assert {told[1], told[7]} == {"kept", "duplicate"}
    assert [told[draw] for draw in range(2, 7)] == [
        "not delivered",
        "no score",
        "not good enough",
        "cut off",
        "no turn",
    ]


def test_a_threshold_rises_with_the_generations_and_its_last_value_stays() -> None:
    rising = fields(at_least=[0.2, 0.6])
    assert [reasons(kept([candidate(1, value=0.5)], rising, g, ()))[1] for g in range(3)] == [
        "kept",
        "not good enough",
        "not good enough",
    ]


def test_at_most_keeps_low_values_and_best_prefers_them() -> None:
    low = KeepFields.model_validate({"measure": "m", "at_most": 0.5, "cap": 1, "prefer": "best"})
    found = kept([candidate(1, value=0.4), candidate(2, value=0.1), candidate(3, value=0.9)], low, 0, ())
    assert reasons(found) == {1: "over the cap", 2: "kept", 3: "not good enough"}


@pytest.mark.parametrize(
    ("prefer", "first"), [("shortest", "b"), ("longest", "b b b b c"), ("best", "b b c"), ("diverse", None)]
)
def test_a_preference_decides_what_a_cap_leaves(prefer: str, first: str | None) -> None:
    texts = {"b": 1.0, "b b c": 3.0, "b b b b c": 2.0}
    some = [candidate(i, output=text, value=value) for i, (text, value) in enumerate(texts.items())]
    found = kept(some, fields(prefer=prefer, cap=1), 0, ())
    left = [one.output for one in found if one.reason == "kept"]
    assert len(left) == 1
    assert first is None or left == [first]


def test_diverse_takes_what_is_least_like_the_ones_before() -> None:
    some = [candidate(1, output="red fox"), candidate(2, output="red fox runs"), candidate(3, output="blue sky")]
    ordered = PREFER["diverse"](some, fields())
    assert {ordered[0].output, ordered[1].output} >= {"blue sky"}


def test_labels_make_duplicates_where_they_are_known() -> None:
    some = [candidate(1, label="7"), candidate(2, label="7"), candidate(3), candidate(4)]
    found = kept(some, fields(dedupe="label"), 0, ())
    assert sorted(reasons(found).values()) == ["duplicate", "kept", "kept", "kept"]


CANDIDATES = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from(["x", "y", "z z"]), st.sampled_from([0.0, 1.0, None])),
    max_size=12,
)


@settings(max_examples=40)
@given(CANDIDATES, st.sampled_from(list(PREFER)), st.integers(1, 3), st.sampled_from(["none", "text"]), st.randoms())
def test_what_is_kept_depends_on_no_order_and_respects_cap_and_duplicates(
    told: list[tuple[str, str, float | None]], prefer: str, cap: int, dedupe: str, dice: Any
) -> None:
    some = [candidate(i, task=task, output=text, value=value) for i, (task, text, value) in enumerate(told)]
    how = fields(prefer=prefer, cap=cap, dedupe=dedupe)
    found = reasons(kept(some, how, 0, (1,)))
    shuffled = list(some)
    dice.shuffle(shuffled)
    assert reasons(kept(shuffled, how, 0, (1,))) == found
    assert len(found) == len(some)
    for task in "ab":
        chosen = [one for one in some if one.task == task and found[one.draw] == "kept"]
        good = [one for one in some if one.task == task and one.value == 1.0]
        different = len({one.output for one in good}) if dedupe == "text" else len(good)
        assert len(chosen) == min(cap, different)
        assert dedupe == "none" or len({one.output for one in chosen}) == len(chosen)
