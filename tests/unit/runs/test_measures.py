"""Measures of rollouts: what a status, a score and an outcome are worth, in this order."""

import pandas as pd
import pytest

from agentlab.runs.frames.measures import measure, per_draw, verdicts_of
from agentlab.stats.contrasts.paired import paired
from agentlab.types import Measure

COLUMNS = ["rollout", "judge", "draw", "criterion", "outcome", "value"]


def table(*rows: tuple[int, str, float | None]) -> pd.DataFrame:
    """Verdicts of one judge and criterion: rollout, outcome, value."""
    return pd.DataFrame([(i, "j", 0, "c", outcome, value) for i, outcome, value in rows], columns=COLUMNS)


def test_a_refusal_counts_as_declared_whatever_a_judge_says_of_its_words() -> None:
    """One of two arms on 60 tasks refuses 20 times, which is worth 1; a judge that scored the words gave 1.5 in all."""
    status = ["declined"] * 20 + ["delivered"] * 40
    scores = [0.5] * 3 + [0.0] * 17 + [1.0] * 32 + [0.0] * 8
    verdicts = table(*((i, "scored", score) for i, score in enumerate(scores)))
    rollouts = pd.DataFrame({"status": status})
    told = measure(rollouts, verdicts, [Measure("m", "j", {"c": (0, 1)}, (0, 1), {"declined": 1})])["m"]
    undeclared = measure(rollouts, verdicts, [Measure("m", "j", {"c": (0, 1)}, (0, 1))])["m"]
    assert (round(told.mean(), 3), round(undeclared.mean(), 3)) == (0.867, 0.558)
    other = [1.0] * 37 + [0.0] * 23
    found = paired(range(60), [0] * 60, told.to_numpy(), other)
    assert found.difference == pytest.approx(0.250)


@pytest.mark.parametrize("status", ["declined", "vetoed", "incomplete", "limit"])
def test_every_status_decides_before_the_score(status: str) -> None:
    rollouts = pd.DataFrame({"status": [status, "delivered", status]})
    verdicts = table((0, "scored", 0.0), (1, "scored", 0.0), (2, "absent", None))
    told = measure(rollouts, verdicts, [Measure("m", "j", {"c": (0, 1)}, (0, 1), {status: 0.7})])
    assert told["m"].tolist() == [0.7, 0.0, 0.7]
    assert told["m_outcome"].tolist() == ["scored", "scored", "absent"]


@pytest.mark.parametrize("span", [(0.0, 1.0), (1.0, 0.0), (-1.0, 3.0)])
def test_an_outcome_is_worth_what_is_declared_on_the_range_of_the_measure(span: tuple[float, float]) -> None:
    m = Measure("m", "j", {"c": (0, 4)}, span, {"unparsed": 0.25})
    verdicts = table((0, "unparsed", None), (1, "truncated", None), (2, "scored", 4.0))
    told = measure(pd.DataFrame({"status": ["delivered"] * 3}), verdicts, [m])
    assert told["m"].iloc[[0, 2]].tolist() == pytest.approx([0.25, span[1]])
    assert pd.isna(told["m"].iloc[1])
    assert told["m_outcome"].tolist() == ["unparsed", "truncated", "scored"]
    assert told["m_draws"].tolist() == [0, 0, 1]
    assert per_draw(verdicts_of(verdicts, m), m).tolist() == pytest.approx([0.25, span[1]])
