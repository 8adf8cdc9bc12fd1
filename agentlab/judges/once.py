"""Runs any judge on one judge input, so that whatever the judge does becomes one verdict per criterion."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import replace
from numbers import Real
from typing import Any, get_args

from agentlab import own_code
from agentlab.cancellation import is_asked
from agentlab.errors import MismatchError, ScenarioError, Stopped, StoreError
from agentlab.interfaces import Judge, JudgeClient
from agentlab.text import utf8_safe
from agentlab.types import JudgeInput, Outcome, Verdict

_NOT_A_VERDICT = (MismatchError, ScenarioError, Stopped, StoreError)
"""Errors of the run rather than of the judge; they end the command."""


async def judge_once(judge: Judge, judge_input: JudgeInput, rollout: str, client: JudgeClient) -> list[Verdict]:
    """One judge draw: stamped verdicts, one for each criterion in the judge's order.

    An exception out of the judge is outcome `error` on every criterion, with its file and line. A criterion that is
    left out, named twice or scored with no finite number is an `error` on that criterion. So is one that the judge does
    not declare, after the others. Errors of the run folder pass through.
    """
    try:
        given: Any = await judge(judge_input, client)
        verdicts = _verdicts(given)
    except _NOT_A_VERDICT:
        raise
    except (Exception, asyncio.CancelledError) as error:
        if isinstance(error, asyncio.CancelledError) and is_asked():
            raise
        verdicts = [Verdict(name, "error", reason=own_code.told(error)) for name in judge.criteria]
    names = dict.fromkeys((*judge.criteria, *(str(verdict.criterion) for verdict in verdicts)))
    complete = (_complete(name, judge.criteria, [v for v in verdicts if v.criterion == name]) for name in names)
    return [replace(_storable(v), rollout=rollout, judge=judge.name, draw=client.draw) for v in complete]


def _verdicts(given: Any) -> list[Verdict]:
    verdicts = list(given)
    for verdict in verdicts:
        if not isinstance(verdict, Verdict):
            raise TypeError(f"the judge gave {type(verdict).__name__} among its verdicts")
    return verdicts


def _storable(verdict: Verdict) -> Verdict:
    """With texts that a file can hold; an `error` where a field is of another kind."""
    kinds: dict[str, tuple[type, ...]] = {"reason": (str,), "label": (str,), "call": (int,), "mass": (float, int)}
    for name, kind in kinds.items():
        given: Any = getattr(verdict, name)
        if given is not None and not isinstance(given, kind):
            reason = f"the judge gave {name} as {type(given).__name__}; give {kind[0].__name__} or None"
            return Verdict(utf8_safe(verdict.criterion), "error", reason=reason)
    texts = {name: utf8_safe(text) for name in ("criterion", "reason", "label") if (text := getattr(verdict, name))}
    return replace(verdict, **texts)


def _complete(name: str, criteria: Sequence[str], verdicts: Sequence[Verdict]) -> Verdict:
    if name not in criteria:
        return Verdict(name, "error", reason=f"the judge declares no criterion {name!r}, only {', '.join(criteria)}")
    if len(verdicts) != 1:
        return Verdict(name, "error", reason=f"the judge gave {len(verdicts)} verdicts on {name!r} instead of one")
    verdict = verdicts[0]
    if verdict.outcome not in get_args(Outcome):
        known = ", ".join(get_args(Outcome))
        return Verdict(name, "error", reason=f"outcome {verdict.outcome!r} is none of {known}", call=verdict.call)
    if verdict.outcome != "scored":
        return replace(verdict, value=None)
    value: Any = verdict.value
    if not isinstance(value, Real) or not math.isfinite(value):
        return Verdict(name, "error", reason=f"scored with the value {value!r}", call=verdict.call)
    return replace(verdict, value=float(value))
