"""Tasks that share a long passage are found, however many; what all tasks have and short texts are no such passage."""

import random

from hypothesis import given
from hypothesis import strategies as st

from agentlab.scenario.alike import alike, hint

WORDS = [f"word{i}" for i in range(3000)]
INSTRUCTIONS = "Read the text and answer with one letter alone, after you have thought about it step by step. " * 3


def passage(seed: int, words: int = 120) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=words))


def test_questions_on_one_passage_are_one_group() -> None:
    texts = {f"t{i}": f"{INSTRUCTIONS}{passage(i // 4)} Question: {passage(100 + i, 12)}" for i in range(12)}
    groups = alike(texts)
    assert groups == [("t0", "t1", "t2", "t3"), ("t4", "t5", "t6", "t7"), ("t8", "t9", "t10", "t11")]
    told = hint(groups)
    assert told.startswith("tasks t0, t1, t2, … share most of their text (3 such groups)")
    assert "`cluster: FIELD`" in told


def test_two_variants_of_one_task_are_a_group_beside_others() -> None:
    texts = {"plain": passage(1), "curt": passage(1) + " Be brief.", "other": passage(2), "short": "What is 3 + 4?"}
    assert alike(texts) == [("plain", "curt")]


def test_instructions_and_short_texts_are_no_source() -> None:
    texts = {f"t{i}": INSTRUCTIONS + passage(i, 15) for i in range(8)}
    assert alike(texts) == []
    assert alike({"a": "What is 3 + 4?", "b": "What is 3 + 5?", "c": ""}) == []
    assert alike({}) == []


def test_a_language_without_spaces_is_read_by_characters() -> None:
    text = "".join(chr(0x4E00 + (7 * i * i) % 5000) for i in range(80))
    assert alike({"a": text + "甲", "b": text + "乙", "c": text[::-1]}) == [("a", "b")]


def test_half_of_many_tasks_on_one_passage_takes_no_quadratic_time() -> None:
    texts = {f"t{i}": passage(0 if i % 2 else i) for i in range(2000)}
    (group,) = alike(texts)
    assert len(group) == 1001


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=80), max_size=6))
def test_any_texts_are_taken(texts: dict[str, str]) -> None:
    named = [name for group in alike(texts) for name in group]
    assert len(set(named)) == len(named)
    assert set(named) <= set(texts)
