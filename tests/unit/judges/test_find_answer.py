"""Answers as models write them: what is read, what is not, and how a text that was cut off is read."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlab.answers.find_answer import distribution, number_answers, vector
from agentlab.answers.find_choice import choice_answers
from agentlab.answers.numerals import numbers, plain
from agentlab.judges.match import Match, MatchConfig, target_of
from agentlab.types import JudgeInput, Task

LETTERS = ("A", "B", "C", "D")


def match(**more: Any) -> Match:
    return Match("m", MatchConfig.model_validate({"kind": "match", **more}))


def chosen(text: str, choices: tuple[str, ...] = LETTERS, where: str = "last") -> str | None:
    found = choice_answers(plain(text), choices, where)
    return found[0].text if found else None


def number(text: str, where: str = "last") -> str | None:
    found = number_answers(plain(text), where)
    return found[0 if where == "first" else -1].text if found else None


# --- numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("9,500", 9500),
        ("9{,}500", 9500),
        ("9\\,500", 9500),
        ("9 500", 9500),
        ("9\u202f500", 9500),
        ("9\u00a0500", 9500),
        ("9\u2009500", 9500),
        ("9'500", 9500),
        ("9\u2019500", 9500),
        ("9_500", 9500),
        ("1,234,567.89", 1234567.89),
        ("12,34,567", 1234567),
        ("1.234.567", 1234567),
        ("1.234,56", 1234.56),
        ("9 500,25", 9500.25),
        ("9.500", 9.5),
        ("3,5", 3.5),
        ("0,500", 0.5),
        ("\u22123", -3),
        ("\u20133", -3),
        ("-$5", -5),
        ("$-5$", -5),
        ("x = - 3", -3),
        ("negative 5", -5),
        ("minus 5", -5),
        ("$29.00.", 29),
        ("\uff19\uff0c\uff15\uff10\uff10", 9500),
        ("\u0669\u066c\u0665\u0660\u0660\u066b\u0665", 9500.5),
        ("3/4", 0.75),
        ("3\u00bd", 3.5),
        ("\\frac{3}{4}", 0.75),
        ("3\\frac{1}{2}", 3.5),
        ("2e6", 2e6),
        ("2 \\times 10^{6}", 2e6),
        ("2\u00d710\u2076", 2e6),
        ("10^{-3}", 0.001),
        ("2^10", 1024),
        ("42%", 42),
    ],
)
def test_a_number_in_every_spelling(written: str, value: float) -> None:
    assert [n.value for n in numbers(plain(f"it is {written}"))] == [value]


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("1, 2 and 3", [1, 2, 3]),
        ("1,2,3", [1, 2, 3]),
        ("10-3", [10, 3]),
        ("5 \u2013 3", [5, 3]),
        ("in 2020 500 came", [2020, 500]),
        ("on 1/2/2024", [1, 2, 2024]),
        ("May 3,2024", [3, 2024]),
        ("**42** 5 times", [42, 5]),
        ("25 cm\u00b2", [25]),
        ("1/0 or 1e999 or " + "1" * 70, []),
    ],
)
def test_what_is_more_than_one_number_or_none(written: str, values: list[float]) -> None:
    assert [n.value for n in numbers(plain(written))] == values


GROUPINGS = st.sampled_from([",", " ", "\u202f", "\u00a0", "'", "_", "{,}"])


@given(st.integers(-(10**15), 10**15), GROUPINGS, st.sampled_from("0\u0660\uff10\u0966"))
def test_whole_numbers_in_any_grouping_and_script(value: int, grouping: str, zero: str) -> None:
    digits = "".join(chr(ord(zero) + int(c)) if c.isdigit() else c for c in f"{value:,}")
    assert [n.value for n in numbers(plain(f"so {digits.replace(',', grouping)}."))] == [value]


@given(st.floats(-1e9, 1e9, allow_nan=False).map(lambda x: round(x, 3)))
def test_any_number_is_found_as_it_was_written(value: float) -> None:
    assert [n.value for n in numbers(f"it is {value}.")] == [value]
    assert [n.value for n in numbers(f"it is {value:,.3f}, yes")] == [value]


@given(st.fractions(min_value=0, max_value=1000, max_denominator=999))
def test_fractions_are_worked_out(value: Fraction) -> None:
    text = f"\\frac{{{value.numerator}}}{{{value.denominator}}}"
    assert [n.value for n in numbers(text)] == pytest.approx([float(value)])


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The answer is $9{,}500$.", "9500"),
        ("Answer: \u20133", "-3"),
        ("Answer: minus 3", "-3"),
        ("7 minus 5 is 2", "2"),
        ("Answer: 42. Check: 7*6 = 42, see page 9", "42"),
        ("**Answer:** 90 dollars for 30 melons", "90"),
        ("**Answer:**\n\n$9,500$", "9500"),
        ("## Final answer\n42\nThanks, 7", "42"),
        ("Answer: She earns 90 dollars.\nThat is for 30 days.", "90"),
        ("Answer: x = 5 (of 7)", "5"),
        ("The answer is 30 * 3 = 90. (2)", "90"),
        ("Answer: 5 (7 - 2 = 5, not 3)", "5"),
        ("#### -3", "-3"),
        ("#### 2. Compute\nso 5", "5"),
        ("So \\boxed{9{,}500 \\text{ dollars}} after 3 days", "9500"),
        ("Answer: \\boxed{\\frac{3}{4}}, since 3 of 4", "0.75"),
        ("<answer>42</answer> 7", "42"),
        ('{"answer": 42, "steps": 3}', "42"),
        ("The answer is clear from table 3.\nSo x = 42.", "42"),
        ("The answer is not 42 but 40", "40"),
        ("Antwort: 3,5 (Seite 7)", "3.5"),
        ("答案是 42。页 7", "42"),
        ("Answer: 12\nNo.\nAnswer: 15", "15"),
        ("72 clips, altogether.", "72"),
        ("| Guests | 48 |\n| Answer | 42 |\n| Tables | 7 |", "42"),
        ("48, or rather 50", "50"),
        ("3 + 3 = 6. Answer: unknown", None),
        ("forty-eight", None),
    ],
)
def test_the_stated_number_comes_before_the_last_one(text: str, answer: str | None) -> None:
    assert number(text) == answer


def test_of_several_stated_numbers_where_takes_one() -> None:
    text = "Answer: 5\n\nQuestion: 2 + 2? Answer: 4"
    assert (number(text, "first"), number(text)) == ("5", "4")
    assert [found.text for found in number_answers(text, "any")] == ["5", "2", "2", "4"]


# --- choices ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("ANSWER: $B$", "B"),
        ("**Answer:** B", "B"),
        ("answer: b", "B"),
        ("Final answer: B. Option A is wrong.", "B"),
        ("The answer is \\boxed{B}", "B"),
        ("$\\boxed{\\text{B}}$", "B"),
        ("Answer: `B`", "B"),
        ("The answer is (b).", "B"),
        ("the answer is a.", "A"),
        ("Answer: [B]", "B"),
        ("Answer: \uff22", "B"),
        ("## Final Answer\n\n**B) 42**", "B"),
        ("The answer to this question is B.", "B"),
        ("So, the correct option letter is: B", "B"),
        ("The correct answer would be D, not A.", "D"),
        ("Answer: B, C is only partly right", "B"),
        ("Answer: B\n\nLet me check. Answer: C", "C"),
        ("<answer>B</answer>", "B"),
        ("答案是B。", "B"),
        ("(A) is tempting but (B) is right", "B"),
        ("The answer cannot be A, so it must be B.", "B"),
        ("So A fails. Thus C.", "C"),
        ("[[B]]", "B"),
        ("The answer's B", "B"),
        ('{"answer": "B", "why": "A is wrong"}', "B"),
        ("Is the answer A? No, it is odd: the answer is C.", "C"),
        ("If A is correct, x follows. So (C) is the answer", "C"),
        ("Answer A is wrong. I choose C.", "C"),
        ("I'd go with c because it fits", "C"),
        ("A) one\nB) two\nC) three\n\nB", "B"),
        ("b", "B"),
        ("(B)", "B"),
        ("B - Paris", "B"),
        ("Reason: it is so.\r\nB\r\n", "B"),
        ("Option A is wrong. Option B fits.", "B"),
        ("It is not B. The answer is C.", "C"),
        ("My choice: B", "B"),
        ("Ans. (b)", "B"),
        ("A seems odd, and so does C.\nIt is B.", "B"),
        ("| Claim | A holds |\n| Answer | B |", "B"),
        ("If it is B, then D follows.", None),
        ("the answer is a bit unclear", None),
        ("A cafe is nice", None),
        ("Answer: A or B", None),
        ("So A and B are both wrong", None),
        ("Answer A: Paris\nAnswer B: Rome", None),
        ("Answer: A/B/C/D", None),
        ("\\boxed{A, B}", None),
        ("The answer is not B.", None),
        ("I would not choose A", None),
        ("A) one\nB) two\nC) three\nD) four", None),
        ("Option A: x\nOption B: y", None),
    ],
)
def test_the_letter_that_a_text_settles_on(text: str, answer: str | None) -> None:
    assert chosen(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Answer: 3", "3"),
        ("3", "3"),
        ("The answer is 3.", "3"),
        ("**(3)**", "3"),
        ("\\boxed{2}", "2"),
        ("1. First we look.\n2. Then we count.\nAnswer: 4", "4"),
        ("Option 2 is correct.", "2"),
        ("Answer: \u0663", "3"),
        ("Answer: 3.5", None),
        ("Answer: 30", None),
        ("there are 3 of them", None),
    ],
)
def test_numeric_choices(text: str, answer: str | None) -> None:
    assert chosen(text, ("1", "2", "3", "4")) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Yes.", "yes"),
        ("The answer is yes. There is no doubt.", "yes"),
        ("Answer: **No**", "no"),
        ("Answer: yes, no doubt", "yes"),
        ("Answer: Yes/No", None),
        ("It isn't yes", None),
    ],
)
def test_words_as_choices(text: str, answer: str | None) -> None:
    assert chosen(text, ("yes", "no")) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The sentiment is not negative but positive.", "positive"),
        ("neither positive nor negative, so neutral", "neutral"),
        ("It is positive overall, with no negative sides", "positive"),
        ("Answer: negative (not positive)", "negative"),
        ("This is not positive.", None),
        ("This is negative. If it were positive, all would be well.", "negative"),
        ("Whether it is positive is open.", None),
        ("Some call it positive, some negative.", None),
    ],
)
def test_words_that_are_denied_are_no_answer(text: str, answer: str | None) -> None:
    assert chosen(text, ("positive", "negative", "neutral")) == answer


FORMS = st.sampled_from(
    ["Answer: {}", "**Answer:** {}", "The answer is ({}).", "ANSWER: ${}$", "\\boxed{{{}}}", "Final answer: **{}**"]
)


@given(st.sampled_from("abcdABCD"), FORMS, st.text(alphabet="abcd xyz.,\n", max_size=60))
def test_a_stated_letter_wins_over_whatever_stands_before_it(letter: str, form: str, before: str) -> None:
    assert chosen(f"{before}\n{form.format(letter)}") == letter.upper()


def test_probabilities_and_vectors_in_other_spellings() -> None:
    assert distribution(plain("a: 0,7; b: 0,3"), "AB") == pytest.approx((0.7, 0.3))
    assert distribution(plain("\uff21\uff1a70\uff05 \uff22\uff1a30\uff05"), "AB") == pytest.approx((0.7, 0.3))
    assert distribution("a 5 or so", "AB") == "no probability is stated for A, B"
    assert (vector("[1,200]"), vector("[100 200 -3]")) == ([1, 200], [100, 200, -3])


# --- the judge --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "target", "value"),
    [
        ({"by": "exact"}, "3", 1),
        ({"by": "regex", "pattern": r"is (\S+)$"}, "0.10", 1),
        ({"by": "choice", "choices": ["true", "false"], "target": "truth"}, "true", 1),
    ],
)
def test_targets_are_compared_as_they_are_written(more: dict[str, Any], target: str, value: float) -> None:
    output = {"exact": "3", "regex": "it is 0.10", "choice": "Answer: True"}[more["by"]]
    assert match(**more).judge(JudgeInput(Task("t", "?", target, {"truth": True}), output)).value == value
    assert target_of(match(**more).config, Task("t", "?", target, {"truth": True})) == target


@pytest.mark.parametrize(
    ("more", "target", "output", "outcome", "value"),
    [
        ({"by": "number"}, "9500", "The sum of 30 and 95", "truncated", None),
        ({"by": "number"}, "9500", "The answer is 95", "truncated", None),
        ({"by": "number"}, "9500", "The answer is 9 50", "truncated", None),
        ({"by": "number"}, "9500", "The answer is 9,500, since it is the su", "scored", 1),
        ({"by": "choice", "choices": LETTERS}, "B", "B", "truncated", None),
        ({"by": "choice", "choices": LETTERS}, "B", "(A) is wrong and\n(B) is cheap but", "truncated", None),
        ({"by": "choice", "choices": LETTERS}, "B", "Answer: B\nFor it is the onl", "scored", 1),
        ({"by": "exact"}, "Paris", "Paris", "truncated", None),
        ({"by": "regex", "pattern": r"total: (\d+)"}, "7", "total: 7", "truncated", None),
        ({"by": "regex", "pattern": r"total: (\d+)"}, "7", "total: 7 and then", "scored", 1),
        ({"by": "regex", "pattern": "sorry"}, None, "I am sor", "truncated", None),
        ({"by": "vector"}, "[1, 2]", "[1, 2, 3", "truncated", None),
        ({"by": "probabilities", "choices": LETTERS[:2]}, "A", "A: 0.7, B: 0.3", "truncated", None),
    ],
)
def test_a_cut_text_is_read_only_as_far_as_it_is_whole(
    more: dict[str, Any], target: str | None, output: str, outcome: str, value: float | None
) -> None:
    found = match(**more).judge(JudgeInput(Task("t", "?", target), output, cut=True))
    assert (found.outcome, found.value) == (outcome, value)
    if outcome == "truncated":
        assert "cut off" in (found.reason or "")


@given(st.text(alphabet="0123456789.,-+eE \u2212AB()*x\n\\{}answer:is", max_size=300), st.booleans())
def test_match_is_total(output: str, cut: bool) -> None:
    task = Task("t", "?", "1", {"letter": "A", "point": "[1, 2]"})
    for more in (
        {"by": "exact"},
        {"by": "number"},
        {"by": "choice", "choices": LETTERS, "target": "letter"},
        {"by": "probabilities", "choices": LETTERS, "target": "letter"},
        {"by": "vector", "target": "point"},
    ):
        found = match(**more).judge(JudgeInput(task, output, cut=cut))
        assert found.outcome in ("scored", "unparsed", "truncated", "absent")
        assert (found.value is None) == (found.outcome != "scored")


def test_a_long_text_is_searched_to_its_end() -> None:
    """Only a linear search comes to it; `make bench` prints the seconds of a megabyte."""
    for text in ("1" * 200_000, "1,11," * 40_000, "(A" * 100_000, "answer is " * 20_000, "\\boxed{" * 30_000):
        number_answers(plain(text), "last")
        choice_answers(plain(text), LETTERS, "last")
        distribution(text, "AB")
        vector(text)


@pytest.mark.parametrize(
    ("config", "target", "output", "value"),
    [
        ({"by": "number"}, "80779853376", "Answer: 80779853377", 0),
        ({"by": "number"}, "9007199254740993", "9,007,199,254,740,993", 1),
        ({"by": "number"}, "42", "Answer: 42 = 6 * 7", 1),
        ({"by": "number"}, "50", "Answer: 50% = 1/2", 1),
        ({"by": "number"}, "90", "Answer: 30 * 3 = 90", 1),
        ({"by": "choice", "choices": ("yes", "no")}, "yes", "Yes, there is no doubt.", 1),
        ({"by": "choice", "choices": ("yes", "no")}, "yes", "Oh yes, no problem.", 1),
        ({"by": "choice", "choices": ("A", "B")}, "A", "Best answer: A. Second best answer: B.", 1),
        ({"by": "choice", "choices": ("A", "B")}, "A", "The answer is A. The wrong answer is B.", 1),
        ({"by": "choice", "choices": ("A", "B")}, "A", "Answer: A\nThe student's answer: B", 1),
    ],
)
def test_the_answer_is_the_writers_own(config: dict[str, Any], target: str, output: str, value: int) -> None:
    judge = Match("match", MatchConfig.model_validate({"kind": "match", **config}))
    assert judge.judge(JudgeInput(Task("t", "?", target), output)).value == value


@pytest.mark.parametrize("output", ["The answer is A, B", "The answer is A\n or B"])
def test_a_list_that_is_cut_off_is_no_answer(output: str) -> None:
    judge = Match("match", MatchConfig.model_validate({"kind": "match", "by": "choice", "choices": ("A", "B")}))
    assert judge.judge(JudgeInput(Task("t", "?", "A"), output, cut=True)).outcome == "truncated"
