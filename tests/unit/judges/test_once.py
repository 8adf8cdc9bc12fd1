"""Whatever a judge of one's own gives becomes verdicts that a run folder can hold and read back."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from agentlab.experiment.judging.rollouts import NoModel
from agentlab.interfaces import JudgeClient
from agentlab.judges.once import judge_once
from agentlab.types import JudgeInput, Task, Verdict


@dataclass(frozen=True, slots=True)
class Giving:
    """Gives one verdict with these fields, or raises."""

    fields: Mapping[str, Any] = field(default_factory=dict[str, Any])
    raises: type[BaseException] | None = None
    name: str = "own"
    draws: int = 1
    criteria: tuple[str, ...] = ("good",)
    model: str | None = None

    async def __call__(self, judge_input: JudgeInput, client: JudgeClient) -> list[Verdict]:
        if self.raises is not None:
            raise self.raises
        return [Verdict("good", "scored", 1.0, **self.fields)]


async def judged(judge: Giving) -> Verdict:
    (verdict,) = await judge_once(judge, JudgeInput(Task("t", "Do it."), "Done."), "r", NoModel(0, 1))
    return verdict


async def test_a_lone_surrogate_in_a_reason_is_a_question_mark() -> None:
    verdict = await judged(Giving({"reason": "nice \ud83d", "label": "a\ud83d"}))
    assert (verdict.outcome, verdict.reason, verdict.label) == ("scored", "nice ?", "a?")


@pytest.mark.parametrize("wrong", [{"reason": ["a"]}, {"label": ("a",)}, {"call": "abc"}, {"mass": "x"}])
async def test_a_field_of_another_kind_is_an_error(wrong: dict[str, Any]) -> None:
    verdict = await judged(Giving(wrong))
    assert (verdict.outcome, verdict.value) == ("error", None)
    assert next(iter(wrong)) in str(verdict.reason)


async def test_a_judge_that_raises_a_cancellation_is_an_error_and_one_that_is_cancelled_ends() -> None:
    assert (await judged(Giving(raises=asyncio.CancelledError))).outcome == "error"
    asked = asyncio.create_task(judged(Giving(raises=asyncio.CancelledError)))
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
