"""A run shows a few lines of its agents talking: where the answer changed, if it did."""

import asyncio
from pathlib import Path

import pytest

from agentlab.analysis.excerpt import AFTER, LONGEST, Excerpt, excerpt
from agentlab.experiment.progress import Progress
from agentlab.experiment.session import run
from agentlab.experiment.specs import Selection
from agentlab.runs.frames import load
from tests.support.firm import Change, design

pytestmark = pytest.mark.usefixtures("workdir")
JUDGE: Change = ("    kind: rubric\n    criteria: {focus: {text: Is it focused?}}", "    kind: match\n    by: number")
MEASURE: Change = ("criteria: [focus]", "criteria: all")
TARGET: Change = ("fields: {client: Bank}}", "fields: {client: Bank}, target: 48}")
ONE: Change = ("draws: 2", "draws: 1")
CHATTER: Change = ("{name: sim/replies}", "{name: sim/chatter}")


def said(boss: str, hand: str, *changes: Change) -> Excerpt | None:
    """Of a run in which the boss writes one thing and the hand another."""
    mails = {"boss": f'<mail to="hand">{boss}</mail>', "hand": f'<mail to="boss">{hand}</mail>'}
    table = ", ".join(f"{name}: {{'{text}': 1.0}}" for name, text in mails.items())
    model = ("default: {name: sim/chatter}", f"default: {{name: sim/replies, options: {{replies: {{{table}}}}}}}")
    firm = design(model, *changes, ONE)
    asyncio.run(run(firm, Path("run"), Selection(levels={"team": ("firm",)}), Progress()))
    return excerpt(load("run"))


def test_the_message_in_which_the_answer_changed_is_quoted_around_it() -> None:
    found = said("It is 48. " + "Check it. " * 40, "Check this: " * 40 + "it is 36, I think.", JUDGE, MEASURE, TARGET)
    assert found is not None
    assert found.rollout == "task=loan,team=firm,draw=1"
    before, after = found.quotes
    assert [(quote.answer, quote.right) for quote in found.quotes] == [("36", False), ("48", True)]
    assert str(after).endswith(": 48 (right)")
    assert (before.sender, before.to) == ("hand", "boss")
    assert before.text.startswith("… ")
    assert before.text.endswith("it is 36, I think.")
    assert "It is 48." in after.text
    assert max(len(quote.text) for quote in found.quotes) <= LONGEST + len("… ") < LONGEST + AFTER


def test_without_a_change_or_a_judge_that_reads_answers_the_first_message_is_shown() -> None:
    same = said("It is 48.", "Yes, 48.", JUDGE, MEASURE, TARGET)
    assert same is not None
    assert [str(quote) for quote in same.quotes] == ["round 1, boss to hand: 48 (right)"]


def test_where_no_answer_is_read_the_first_message_is_shown_with_its_control_signs_made_inert() -> None:
    plain = said("Go \u202e on.", "Yes.", CHATTER)
    assert plain is not None
    assert [quote.answer for quote in plain.quotes] == [None]
    assert "\u202e" not in plain.quotes[0].text


def test_agents_that_do_not_talk_have_no_excerpt() -> None:
    asyncio.run(run(design(ONE, CHATTER), Path("run"), Selection(levels={"team": ("solo",)}), Progress()))
    assert excerpt(load("run")) is None
