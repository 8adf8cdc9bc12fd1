"""Thoughts are taken out of any text, in linear time, and mentions of their tags are left in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlab.models.thought import Speech, split, spoken
from agentlab.types import Completion

TAGS = [
    "<think>",
    "</think>",
    "<Thinking>",
    "</thinking>",
    "<seed:think>",
    "</seed:think>",
    "[THINK]",
    "[/THINK]",
    "`",
    '"',
    "\n",
    "```\n",
    "~~~",
    " ",
    "said",
    "(",
]
PAIRS = [
    ("<think>", "</think>"),
    ("<THINKING>", "</thinking>"),
    ("<reasoning>", "</reasoning>"),
    ("<scratchpad>", "</scratchpad>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
]


@pytest.mark.parametrize(("opens", "closes"), PAIRS)
def test_a_thought_is_not_speech(opens: str, closes: str) -> None:
    assert split(f"{opens}\n6 * 7\n{closes}\n\n42.") == Speech("42.", "6 * 7")
    assert split(f"First.\n{opens}hm{closes}\nSecond.").said == "First.\n \nSecond."
    assert split(f"Sure: {opens}secret{closes} yes") == Speech("Sure:   yes", "secret")
    assert split(f"{opens}a{closes}x{opens}b{closes}y") == Speech("x y", "a\n\nb")
    assert split(f"from a template that opens the tag {closes}42") == Speech("42", "from a template that opens the tag")
    assert split(f"{opens}6 * 7 = 42, but") == Speech("", "6 * 7 = 42, but", unclosed=True)
    assert split(f"Done.\n{opens}now, should I") == Speech("Done.", "now, should I", unclosed=True)


def test_what_stands_before_any_closing_tag_is_private() -> None:
    assert split("<think>a <think>b</think> c</think>d").said == "d"
    assert split("<think>a</think>still private</think>said").said == "said"


@pytest.mark.parametrize(
    "text",
    [
        "42",
        "Put it in `<think>` tags.",
        'It wrote "<think>" and "</think>".',
        "`<think>so</think>` is how it looks.",
        "A model begins with <think> and goes on.",
        "Write:\n```xml\n<think>\nyour thoughts\n</think>\n```\nThen answer.",
        "I think </ think> is not a tag, nor <thinker> or <reason>.",
    ],
)
def test_a_mention_stays(text: str) -> None:
    assert split(text) == Speech(text, None)


def test_a_mention_within_a_thought_does_not_end_it() -> None:
    assert split("<think>I must not write `</think>` yet</think>Yes") == Speech(
        "Yes", "I must not write `</think>` yet"
    )
    assert split("<think>```\ncode</think>\n```xml\n<think>\n```").said == "```xml\n<think>\n```"


def test_a_tag_within_a_line_is_a_thought_when_the_reply_was_cut_off() -> None:
    assert split("Sure. <think>private", cut=True) == Speech("Sure.", "private", unclosed=True)


def test_a_completion_keeps_the_thought_apart() -> None:
    made = spoken(Completion("<think>b</think>42", reasoning="a"))
    assert (made.text, made.reasoning, made.stop) == ("42", "a\n\nb", "end")
    assert spoken(Completion("<think>6 * 7")).stop == "length"
    assert spoken(Completion("<think>no", stop="refusal")).stop == "refusal"
    plain = Completion("42")
    assert spoken(plain) is plain


@given(st.lists(st.sampled_from(TAGS), max_size=40).map("".join) | st.text(), st.booleans())
def test_any_text_is_taken_apart(text: str, cut: bool) -> None:
    parts = split(text, cut)
    assert parts.thought is not None or parts == Speech(text, None)
    for secret in (parts.said, parts.thought or ""):
        assert set(secret) <= set(text) | {" ", "\n"}


words = st.text(alphabet="abc \n.", max_size=12)


@given(st.lists(st.tuples(words, st.sampled_from(PAIRS), words), min_size=1, max_size=6), words)
def test_no_thought_is_left_and_no_speech_is_lost(parts: list[tuple[str, tuple[str, str], str]], end: str) -> None:
    text = "".join(f"{said}{opens}SECRET{thought}{closes}" for said, (opens, closes), thought in parts) + end
    found = split(text)
    assert "SECRET" not in found.said
    assert found.said.split() == " ".join([*(said for said, _, _ in parts), end]).split()
    assert split(found.said) == Speech(found.said, None)


@pytest.mark.parametrize(
    "text",
    [
        "x<think>" * 200_000,
        "x<think>" * 200_000 + "`</think>`",
        "<think>`</think>`" * 100_000,
        "".join(f"x<a{i}_think>" for i in range(100_000)),
        "```\n<think>\n" * 100_000,
        "</think>" * 200_000,
        "`<think>" * 200_000,
    ],
)
def test_hostile_text_takes_no_longer_than_its_length(text: str) -> None:
    split(text)  # quadratic code would take minutes
