"""Rubric judges: how the score of each criterion is got out of a model, and what becomes of a reply without one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from msgspec import Struct

from agentlab.errors import NO_LOGPROBS
from agentlab.interfaces import JudgeClient
from agentlab.judges.parse import ParsedScore, Problem, Scale, WholeNumbers, from_tokens, objects, texts
from agentlab.judges.prompt import (
    RubricPrompt,
    chat,
    complaint,
    schema,
    schema_form,
    shown,
    shuffled,
    text_form,
    token_form,
)
from agentlab.types import Call, ChatMessage, JudgeInput, Outcome, Settings, Verdict

MOST_ALTERNATIVES = 20
"""Alternatives asked for at a score's token; what OpenAI and vLLM return at most by default."""


@dataclass(slots=True)
class WrittenScoring:
    """Asks once for all criteria, reason before score, as tagged lines or as JSON under a schema.

    A score that is missing or off the scale is asked for once more, as call k = 1; after that it is `unparsed`. What is
    missing from a reply that hit its length limit is `truncated` and not asked again.
    """

    name: str
    draws: int
    model: str | None
    rubric: RubricPrompt
    settings: Settings
    structured: bool = False
    max_chars: int | None = None
    criteria: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.criteria = self.rubric.names

    async def __call__(self, judge_input: JudgeInput, client: JudgeClient) -> list[Verdict]:
        if verdicts := unfit(self.rubric, judge_input, self.max_chars):
            return verdicts
        names = shuffled(self.rubric.names, client.seed)
        question = chat(self.rubric, judge_input, names, self._answer(names))
        by_name = await filled(question, names, client, self._form())
        return [by_name[name] for name in self.rubric.names]

    def _form(self) -> "Form":
        rubric = self.rubric
        scale, labels = WholeNumbers(rubric.low, rubric.high), rubric.labels
        values = {point: (float(point), labels.get(point)) for point in range(rubric.low, rubric.high + 1)}
        of_names = partial(schema, rubric) if self.structured else None
        return Form(self._answer, scale, values, self.settings, of_names)

    def _answer(self, names: Sequence[str]) -> str:
        return schema_form(self.rubric) if self.structured else text_form(self.rubric, names)


class Form(Struct, frozen=True):
    """A form that a judge fills in: how it is asked for, what a score may be, and what the score is worth."""

    answer: Callable[[Sequence[str]], str]
    """How to answer about some criteria: the last paragraph of the question."""
    scale: Scale
    values: Mapping[int, tuple[float, str | None]]
    """Value and label by what is read."""
    settings: Settings
    schema: Callable[[Sequence[str]], Mapping[str, Any]] | None = None
    """Of some criteria; None when the answer is tagged lines."""

    def asked(self, names: Sequence[str]) -> Settings:
        """The settings of a call about these criteria."""
        return self.settings if self.schema is None else replace(self.settings, schema=self.schema(names))

    def read(self, call: Call, names: Sequence[str]) -> dict[str, Verdict]:
        """A verdict for each of `names`, from one reply."""
        if failed := failure(call):
            return {name: Verdict(name, failed[0], reason=failed[1], call=call.k) for name in names}
        completion = call.completion
        assert completion is not None
        reader = texts if self.schema is None else objects
        cut = completion.stop == "length"
        marks = reader(completion.text, names, self.scale)
        return {name: self._verdict(name, mark, cut, call.k) for name, mark in marks.items()}

    def _verdict(self, name: str, mark: ParsedScore | Problem, cut: bool, k: int) -> Verdict:
        if isinstance(mark, ParsedScore):
            return Verdict(name, "scored", *self.values[mark.score], mark.reason, k)
        outcome: Outcome = "truncated" if cut and mark.missing else "unparsed"
        return Verdict(name, outcome, reason=mark.text, call=k)


async def filled(
    question: tuple[ChatMessage, ...], names: Sequence[str], client: JudgeClient, form: Form
) -> dict[str, Verdict]:
    """Verdicts by criterion; what cannot be read is asked for once more, as call k = 1."""
    first = await client(question, form.asked(names), 0)
    verdicts = form.read(first, names)
    again = {name: verdict.reason or "" for name, verdict in verdicts.items() if verdict.outcome == "unparsed"}
    if again and first.completion:
        reply = ChatMessage("assistant", first.completion.text, opaque=first.completion.opaque)
        remark = ChatMessage("user", complaint(again, form.answer(tuple(again))))
        second = await client((*question, reply, remark), form.asked(tuple(again)), 1)
        verdicts |= form.read(second, tuple(again))
    return verdicts


@dataclass(slots=True)
class ExpectedScoring:
    """Asks one call per criterion for one token; the score is its expectation under the model's own probabilities.

    `value = sum_d d p(d) / sum_d p(d)` over the digits of the scale. A verdict's `label` is the most probable digit,
    its `mass` the probability the model gave to the scale's digits at all, which its `reason` tells readers.
    Call k asks the k-th criterion of the rubric.
    """

    name: str
    draws: int
    model: str | None
    rubric: RubricPrompt
    settings: Settings
    max_chars: int | None = None
    criteria: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.criteria = self.rubric.names

    async def __call__(self, judge_input: JudgeInput, client: JudgeClient) -> list[Verdict]:
        if unscored := unfit(self.rubric, judge_input, self.max_chars):
            return unscored
        alternatives = min(MOST_ALTERNATIVES, client.capabilities.max_logprobs)
        settings = replace(self.settings, max_tokens=1, logprobs=alternatives)
        verdicts = dict[str, Verdict]()
        for name in shuffled(self.rubric.names, client.seed):
            question = chat(self.rubric, judge_input, (name,), token_form(self.rubric))
            verdicts[name] = self._read(await client(question, settings, self.rubric.names.index(name)), name)
        return [verdicts[name] for name in self.rubric.names]

    def _read(self, call: Call, name: str) -> Verdict:
        if failed := failure(call):
            return Verdict(name, failed[0], reason=failed[1], call=call.k)
        tokens = call.completion.logprobs if call.completion else None
        if not tokens:
            return Verdict(name, "error", reason=f"{NO_LOGPROBS} came with the reply", call=call.k)
        weights, mass = from_tokens(tokens, self.rubric.low, self.rubric.high)
        if not weights:
            reason = f"none of the likeliest tokens is a digit from {self.rubric.low} to {self.rubric.high}"
            return Verdict(name, "unparsed", reason=reason, call=call.k)
        value = sum(digit * weight for digit, weight in weights.items())
        likeliest = max(weights, key=lambda digit: weights[digit])
        return Verdict(name, "scored", value, str(likeliest), f"mass {mass:.4f}", call.k, mass)


def unfit(rubric: RubricPrompt, judge_input: JudgeInput, max_chars: int | None) -> list[Verdict]:
    """Verdicts without a call: there is nothing to judge, or more than the judge may be shown; nothing is clipped."""
    text = shown(rubric, judge_input)
    if text is None:
        return [Verdict(name, "absent", reason="there is no output to judge") for name in rubric.names]
    if max_chars is not None and len(text) > max_chars:
        reason = f"{len(text)} characters to judge, more than max_chars: {max_chars}"
        return [Verdict(name, "truncated", reason=reason) for name in rubric.names]
    return []


def failure(call: Call) -> tuple[Outcome, str] | None:
    """Why a call holds no answer, if it does not."""
    if call.completion is None:
        return "error", call.error or "the call returned nothing"
    if call.completion.stop == "refusal":
        return "refused", (call.completion.text or call.completion.notice or "the model refused")[:500]
    return None
