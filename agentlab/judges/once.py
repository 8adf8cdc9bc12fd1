"""Runs any judge on one exhibit, so that whatever the judge does becomes one verdict per criterion."""

import math
from collections.abc import Sequence
from dataclasses import replace

from agentlab.errors import MismatchError, ScenarioError, Stopped, StoreError
from agentlab.interfaces import Judge, JudgeClient
from agentlab.types import JudgeInput, Verdict

_NOT_A_VERDICT = (MismatchError, ScenarioError, Stopped, StoreError)
"""Errors of the run rather than of the judge; they end the command."""


async def judge_once(
    judge: Judge, judge_input: JudgeInput, rollout: str, draw: int, ask: JudgeClient, order: int
) -> list[Verdict]:
    """One judge draw: stamped verdicts, exactly one for each criterion in the judge's order.

    An exception out of the judge is outcome `error` on every criterion; a criterion it left out, named twice or scored
    with no finite number is an `error` on that criterion. Errors of the run folder pass through.
    """
    try:
        verdicts = await judge(judge_input, ask, order)
    except _NOT_A_VERDICT:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"[:1000]
        verdicts = [Verdict(name, "error", reason=reason) for name in judge.criteria]
    complete = (_one(name, [verdict for verdict in verdicts if verdict.criterion == name]) for name in judge.criteria)
    return [replace(verdict, rollout=rollout, judge=judge.name, draw=draw) for verdict in complete]


def _one(name: str, verdicts: Sequence[Verdict]) -> Verdict:
    if len(verdicts) != 1:
        return Verdict(name, "error", reason=f"the judge gave {len(verdicts)} verdicts on {name!r} instead of one")
    verdict = verdicts[0]
    if verdict.outcome != "scored":
        return replace(verdict, value=None)
    if verdict.value is None or not math.isfinite(verdict.value):
        return Verdict(name, "error", reason=f"scored with the value {verdict.value!r}", call=verdict.call)
    return verdict
