"""A judge of one's own, `kind: my_module:Name`: checked when it is built, and held to the scales that it declares."""

import math
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from inspect import iscoroutinefunction
from numbers import Real
from typing import Any, cast

from msgspec import Struct

from agentlab.interfaces import JudgeClient
from agentlab.types import JudgeInput, Verdict

Scales = Mapping[str, tuple[float, float]]


class OwnJudge(Struct, frozen=True):
    """Somebody's judge with what it left unsaid. A value outside its criterion's scale is an `error`."""

    name: str
    draws: int
    model: str | None
    scales: Scales
    """Lowest and highest value by criterion."""
    noisy: bool
    """Whether its draws can differ."""
    judge: Callable[[JudgeInput, JudgeClient], Coroutine[Any, Any, Sequence[Verdict]]]

    @property
    def criteria(self) -> tuple[str, ...]:
        return tuple(self.scales)

    async def __call__(self, judge_input: JudgeInput, client: JudgeClient) -> list[Verdict]:
        verdicts: Any = await self.judge(judge_input, client)
        if not isinstance(verdicts, list | tuple):
            raise TypeError(f"the judge gave {type(verdicts).__name__} instead of a list of verdicts")
        return [self._on_scale(verdict) for verdict in cast("Sequence[Any]", verdicts)]

    def _on_scale(self, verdict: Any) -> Any:
        if not isinstance(verdict, Verdict):
            return verdict
        ends, value = self.scales.get(verdict.criterion), cast("Any", verdict.value)
        if ends is None or verdict.outcome != "scored" or not isinstance(value, Real):
            return verdict
        low, high = ends
        if low <= float(value) <= high or math.isnan(value):
            return verdict
        reason = f"{verdict.criterion!r} is {value}, outside its scale from {low:g} to {high:g}"
        return replace(verdict, outcome="error", value=None, reason=reason)


def own_judge(part: Any, name: str, kind: str) -> OwnJudge:
    """`part` as a judge called `name`; raises `ValueError` with what it lacks. `kind` is how the scenario names it."""
    draws, model = getattr(part, "draws", 1), getattr(part, "model", None)
    if not isinstance(draws, int) or draws < 1:
        raise ValueError(f"{kind} has draws = {draws!r}; give it a whole number, 1 or more")
    if model is not None and not isinstance(model, str):
        raise ValueError(f"{kind} has model = {model!r}; give it a key of models:, or None for no model")
    if not iscoroutinefunction(getattr(part, "__call__", None)):  # noqa: B004, for it must be awaitable too
        raise ValueError(f"{kind} is not a judge; give it async def __call__(self, judge_input, client)")
    scales = _scales(getattr(part, "criteria", None), kind)
    return OwnJudge(name, draws, model, scales, bool(getattr(part, "noisy", True)), part)


def _scales(criteria: Any, kind: str) -> Scales:
    right = "a mapping of each criterion to its lowest and highest value, such as {'length': (0, 500)}"
    declared: dict[Any, Any] = dict(cast("Mapping[Any, Any]", criteria)) if isinstance(criteria, Mapping) else {}
    scales: dict[str, tuple[float, float]] = {}
    for name, ends in declared.items():
        try:
            low, high = map(float, ends)
        except (TypeError, ValueError):
            raise ValueError(f"{kind} has the scale {ends!r} for {name!r}; give it {right}") from None
        if not low < high:
            raise ValueError(f"{kind} has a scale from {low:g} to {high:g} for {name!r}; give the lowest value first")
        scales[str(name)] = low, high
    if not scales:
        raise ValueError(f"{kind} has criteria = {criteria!r}; give it {right}")
    return scales
