"""What tells arms apart: formatting that is taken out, what a guess from the rest is worth, and where a run says so."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlab import api as notebook
from agentlab.analysis.contrasts.blinding import blindness, guesses
from agentlab.analysis.summary import summarize
from agentlab.judges.plain_text import plain
from agentlab.judges.rubric import RubricConfig
from agentlab.runs.frames import Run
from agentlab.stats.judges.arm_guess import Texts, guess, tokenize
from agentlab.types import JudgeInput, Task
from tests.support.firm import design
from tests.support.judging import Scripted, said, verdict
from tests.support.proven import proven

MAIL = """\
From: Ann <ann@firm>
To: Client
Subject: The report

Dear client,

# Summary #
**Raise** the fee by *3 %*: 9 * 8 = 72 and 2**3 = 8, see `fees` and snake_case.

- one
  * two, with a [link](http://example.org)
1. three
> four

| a | b |
|---|:-:|
| 1 | 2 |
***
```python
x = 1
```
<output>Answer: 72</output>

Best regards,
Ann
Partner
"""
PLAIN = """\
Summary
Raise the fee by 3 %: 9 * 8 = 72 and 2**3 = 8, see fees and snake_case.
one
two, with a link
three
four
a b
1 2
x = 1
Answer: 72"""


def test_formatting_goes_and_words_stay() -> None:
    assert plain(MAIL) == PLAIN
    assert plain(PLAIN) == PLAIN
    assert plain("Thanks to them,\nthe fee fell.") == "Thanks to them,\nthe fee fell."
    long = "Thank you.\n" + "\n".join(f"Line {i} goes on." for i in range(9))
    assert plain(long) == long
    assert plain("") == plain("\n \n") == ""


pieces = st.sampled_from(
    ("# ", "* ", "**", "_", "- ", "1. ", "> ", "|", "---", "`", "\n", " ", "word", "2", "<mail>", "To: x")
)


@given(st.lists(pieces, max_size=30).map("".join) | st.text(max_size=60))
def test_once_is_enough(text: str) -> None:
    once = plain(text)
    assert plain(once) == once
    assert "\n\n" not in once


@pytest.mark.parametrize("unit", [" ", "\t#", "- ", "*a", "<mail ", "|--", "[a](", "Thanks\n", "# ", "> "])
def test_a_megabyte_is_made_plain_to_its_end(unit: str) -> None:
    """Only a linear pass comes to it; `make bench` prints the seconds."""
    assert len(plain(unit * (1_000_000 // len(unit)))) <= 1_000_000


async def test_a_rubric_may_be_blind_to_formatting() -> None:
    criteria = {"focus": {"text": "Is it on the point?"}}
    for normalise, shown in (
        (True, PLAIN),
        (False, MAIL.replace("<output", "&lt;output").replace("</out", "&lt;/out")),
    ):
        config = RubricConfig.model_validate({"kind": "rubric", "criteria": criteria, "normalise": normalise})
        ask = Scripted([said(verdict("focus", 3))])
        await config.build("j")(JudgeInput(Task("t", "Report."), MAIL), ask)
        assert f"<output>\n{shown}\n</output>" in ask.asked[0][0][1].content
    assert RubricConfig.model_validate({"kind": "rubric", "criteria": criteria}).normalise is False


# --- guessing the arm -------------------------------------------------------------------------------------------------


def of(*texts: str) -> Texts:
    return tokenize(texts)


def test_words_by_hand() -> None:
    found = of("The cat. The cat!", "a dog")
    assert sorted(found.of.tolist()) == [0, 0, 0, 0, 1, 1, 1]  # the, cat, the cat, cat the; a, dog, a dog
    assert (found.lengths.tolist(), found.vocabulary) == ([4, 2], 7)


def test_arms_that_differ_in_one_word_or_in_length_are_told_apart() -> None:
    tasks = [task for task in "abc" for _ in range(4)]
    second = [False, False, True, True] * 3
    texts = [f"{task} report {'indeed' if arm else 'only'}" for task, arm in zip(tasks, second, strict=True)]
    found = guess(tasks, second, of(*texts))
    assert found is not None
    assert (found.words, found.length, found.pairs) == (1, 0.5, 12)
    longer = ["word " * (2 + arm) for arm in second]
    found = guess(tasks, second, of(*longer))
    assert found is not None
    assert found.length == 1


def test_half_the_pairs_by_hand() -> None:
    # Task b teaches that x is the second arm's; in a, one of its two texts holds x: it wins both pairs, the other ties.
    texts = of("x p", "p", "p", "p", "x q", "x q", "q", "q")
    found = guess(list("aaaabbbb"), [True, True, False, False] * 2, texts)
    assert found is not None
    assert found.words == pytest.approx((3 + 4) / 8)


def test_a_direction_that_turns_between_tasks_is_no_knowledge() -> None:
    found = guess(list("aabb"), [False, True] * 2, of("w", "w w", "w w", "w"))
    assert found is not None
    assert found.length == 0
    assert guess(list("aa"), [False, True], of("x", "y")) is None
    assert guess(list("ab"), [False, True], of("x", "y")) is None


def test_without_a_difference_the_area_is_a_half() -> None:
    random = np.random.default_rng(1)
    vocabulary = [f"w{i}" for i in range(200)]
    texts = of(*(" ".join(random.choice(vocabulary, random.integers(20, 60))) for _ in range(120)))
    tasks = [i // 12 for i in range(120)]
    areas: list[tuple[float, float]] = []
    for _ in range(200):
        arms = np.concatenate([random.permutation([0, 1] * 6) for _ in range(10)]).astype(bool)
        found = guess(tasks, arms.tolist(), texts)
        assert found is not None
        areas.append((found.words, found.length))
    assert np.abs(np.array(areas).mean(axis=0) - 0.5).max() < 0.02


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.text("xyz ", max_size=9)), max_size=20))
def test_areas_are_shares_and_arms_are_interchangeable(rows: list[tuple[str, bool, str]]) -> None:
    tasks, arms, texts = ([row[i] for row in rows] for i in range(3))
    made = of(*map(str, texts))
    found, turned = guess(tasks, arms, made), guess(tasks, [not arm for arm in arms], made)  # pyright: ignore
    assert (found is None) == (turned is None)
    if found and turned:
        assert 0 <= found.words <= 1
        assert 0 <= found.length <= 1
        assert (found.words, found.length) == pytest.approx((turned.words, turned.length))


# --- a run ------------------------------------------------------------------------------------------------------------

POLICY = """{name: sim/replies, options: {scores: {'*': {'1': 0.5, '2': 0.5}}, replies: {
    boss: {'<mail to="hand">Go.</mail>': 1}, hand: {'Well.': 1}, lone: TEXTS}}}"""


def played(texts: str, tasks: int = 2, draws: int = 5) -> Run:
    own = "".join(f"  t{i}: {{prompt: Sell {i}.}}\n" for i in range(tasks))
    design(
        ("  default: {name: sim/chatter}\n", f"  default: {POLICY.replace('TEXTS', texts)}\n"),
        (
            "  judge: {name: sim/replies}",
            "  judge: {name: sim/replies, options: {scores: {'*': {'1': 0.5, '2': 0.5}}}}",
        ),
        ('  loan: {prompt: "Help {{client}}.", fields: {client: Bank}}\n', own),
        ("    hand: {system: Work.}\n", "    hand: {system: Work.}\n    lone: {system: Do.}\n"),
        ("  rounds: 4\n", "  rounds: 4\n  cast: [boss, hand]\n"),
        (
            "cast: [boss], protocol: {kind: chain, stages: [[boss]]}",
            "cast: [lone], protocol: {kind: chain, stages: [[lone]]}",
        ),
        ("draws: 2\n", f"draws: {draws}\n"),
    )
    return asyncio.run(notebook.run("s.yaml", out=f"run{tasks}{draws}"))


def test_a_run_says_how_well_the_arm_can_be_guessed(workdir: Path) -> None:
    run = proven(played("{'I would sell it for more money.': 1}"))
    assert set(run.rollouts["output_words"]) == {2, 7}
    assert run.measures["output_words"].tolist() == run.rollouts["output_words"].tolist()
    notes = summarize(run).notes
    told = next(note for note in notes if "Guessing the arm" in note)
    assert "firm - solo 1.00 by words, 1.00 by length. A judge may recognize the arm" in told
    assert not [note for note in notes if "family" in note]


def test_too_little_is_not_guessed_from(workdir: Path) -> None:
    for tasks, draws in ((2, 4), (1, 12)):
        run = played("{'I would sell it for more money.': 1}", tasks, draws)
        assert guesses(run, summarize(run).contrasts) == {}
        assert not [note for note in summarize(run).notes if "Guessing the arm" in note]


def test_a_judge_of_an_agents_family_is_told(workdir: Path) -> None:
    run = played("{'More.': 1}", 1, 1)
    run.meta["judges"] = {"quality": "openai/gpt-5.2", "match": None}
    agents = [agent for facts in run.conditions["facts"] for agent in facts["agents"].values()]
    for agent in agents:
        agent["model"] = "vllm/openai/gpt-oss-20b"
    assert blindness(run, {}) == [
        "judge quality (openai/gpt-5.2) and an agent belong to the same model family, gpt: the judge may favor its "
        "own family."
    ]
    for agent in agents:
        agent["model"] = "anthropic/claude-opus-4-5"
    assert blindness(run, {}) == []
