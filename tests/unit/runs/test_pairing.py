"""Rows of two arms are paired by task and draw, in whatever order they come; what judges of two are shown also has one
generation."""

from random import Random

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from agentlab.experiment.judging.sides import Side, pairs
from agentlab.pairing import PAIRING, pairing_key
from agentlab.runs.frames.pairing import pair_arms

Key = tuple[str, int]
TASKS, DRAWS = st.sampled_from(["loan", "rent"]), st.integers(1, 3)
KEYS = st.sets(st.tuples(TASKS, DRAWS), max_size=6)
SIDES = st.sets(st.tuples(TASKS, DRAWS, st.integers(0, 1)), max_size=12)


def frame(keys: list[Key], arm: str) -> pd.DataFrame:
    rows = pd.DataFrame(keys, columns=list(PAIRING)).astype({"task": "str", "draw": "int64"})
    return rows.assign(value=[f"{arm}:{key}" for key in keys])


@given(KEYS, KEYS, st.randoms(use_true_random=False))
def test_arms_are_paired_by_the_key_in_any_order(first: set[Key], second: set[Key], random: Random) -> None:
    a, b = sorted(first), sorted(second)
    ordered = pair_arms(frame(a, "a"), frame(b, "b"))
    random.shuffle(a)
    random.shuffle(b)
    shuffled = pair_arms(frame(a, "a"), frame(b, "b"))
    wanted = {(f"a:{key}", f"b:{key}") for key in first & second}
    for found in (ordered, shuffled):
        made = list(zip(*found.values("value"), strict=True))
        assert set(made) == wanted
        assert len(made) == len(wanted)
        assert found.unmatched == len(first ^ second)
        keys = {(task, *draw) for task, draw in zip(found.tasks, found.draws, strict=True)}
        assert keys == first & second


@given(SIDES, SIDES)
def test_judges_of_two_are_shown_the_same_pairs(
    first: set[tuple[str, int, int]], second: set[tuple[str, int, int]]
) -> None:
    sides = [
        Side(f"{arm}:{(task, draw, generation)}", task, draw, arm, {"team": arm}, 1, generation)
        for arm, keys in (("a", first), ("b", second))
        for task, draw, generation in keys
    ]
    found = pairs(sides, [("team", "a", "b")])
    assert {pairing_key(pair.one) for pair in found} == first & second
    assert all(pairing_key(pair.one) == pairing_key(pair.other) for pair in found)
