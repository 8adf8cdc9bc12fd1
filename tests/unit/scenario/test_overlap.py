"""Prompts that are the same but for how they are written, and prompts with a long passage in common."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlab.scenario.overlap import WORDS, plain, shared

word = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=6)
passages = st.lists(word, min_size=WORDS, max_size=WORDS, unique=True)


@given(
    st.lists(word, min_size=1), st.sampled_from([str.upper, str.title]), st.sampled_from([" ", "\n", "\t ", "\u00a0"])
)
def test_case_space_and_marks_do_not_tell_prompts_apart(words: list[str], case: object, blank: str) -> None:
    written = blank.join(case(one) + "," for one in words)  # type: ignore[operator]
    assert plain(f"  {written}?") == plain(" ".join(words)) == " ".join(words)


@pytest.mark.parametrize(
    ("one", "other"), [("3 + 4", "3 - 4"), ("0.1", "01"), ("-3", "3"), ("f(x)", "f x"), ("3!", "3")]
)
def test_what_means_something_else_is_another_prompt(one: str, other: str) -> None:
    assert plain(one) != plain(other)


@given(passages, st.lists(word, max_size=5), st.lists(word, max_size=5))
def test_a_passage_is_found_wherever_it_stands(passage: list[str], before: list[str], after: list[str]) -> None:
    run = " ".join(passage)
    learned = [" ".join([*before, *passage]), "something else"]
    found = dict(shared(learned, {"held": " ".join([*passage, *after]).upper(), "short": " ".join(passage[1:])}))
    assert "short" not in found
    assert run in " ".join([*before, *passage, *after])
    assert "held" in found


def test_the_form_that_all_tasks_have_is_no_passage() -> None:
    form = "Read the numbers below with care and reply with only the larger one of the two: {}"
    learned = [form.format(i) for i in range(6)]
    assert not list(shared(learned, {"a": form.format("7 8")}))
