"""Turns the replies to a question into messages: a value, the weight of an observed value, or a rejection."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agentlab.organization.cascade import values
from agentlab.organization.cascade.log import bound, static
from agentlab.organization.cascade.program import Instruction, Program, chosen_reader, fallback
from agentlab.organization.declaration import Sampling
from agentlab.organization.likelihood import Likelihood
from agentlab.types import OBSERVED, REJECT, VARIABLE, WEIGHT, Completion, Message

IMPOSSIBLE = -1e8
"""A log-probability at or below which a text cannot be drawn; JSON has no minus infinity."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that is out, with what is needed to read its replies."""

    instruction: Instruction
    agent: str
    address: str
    observed: Message | None
    """The value that the reply is observed to have."""
    times_asked: int
    """How often it has been asked, this time included."""


def asked(find: Callable[[str], Instruction], agent: str, log: Sequence[Message], round: int) -> Asked:
    """The question that the agent answers in `round`. `find` has the step of an address."""
    question = next(m for m in reversed(log) if m.kind == "step" and agent in m.to and m.round < round)
    address = question.ref or ""
    instruction = find(address)
    observed = next((m for m in reversed(log) if m.ref == address and OBSERVED in m.to), None)
    times = sum(m.kind == "step" and m.ref == address for m in log) if instruction.step.tries > 1 else 1
    return Asked(instruction, agent, address, observed, times)


def step_at(program: Program, log: Sequence[Message], address: str) -> Instruction:
    """The step of a program that asks there, with choices that are variables replaced by their values."""
    instruction = program.instructions[program.questions[static(address)]]
    if instruction.reader.kind == "choice":
        return replace(instruction, reader=chosen_reader(instruction, _lookup(log)))
    return instruction


def sampling(asked: Asked, likelihood: Likelihood) -> Sampling:
    """The settings of the question's calls, and how many replies it takes."""
    instruction, settings = asked.instruction, asked.instruction.settings
    reader = instruction.reader
    if asked.observed is not None:
        if likelihood.by == "count":
            return Sampling(settings, likelihood.draws)
        if likelihood.by == "score":
            texts = reader.of if reader.kind == "choice" else (values.as_text(values.decoded(asked.observed)),)
            return Sampling(replace(settings, score=tuple(texts)))
    if reader.by == "likelihood":
        settings = replace(settings, score=tuple(reader.of))
    return Sampling(settings, instruction.step.times)


def read(asked: Asked, replies: Sequence[Completion], likelihood: Likelihood) -> list[Message]:
    """The messages that the replies become."""
    if asked.observed is not None:
        return _observed(asked, replies, likelihood)
    if asked.instruction.step.times > 1:
        return _several(asked, replies)
    reply = replies[0]
    value = _value(asked.instruction, reply)
    if value is not None:
        return [values.message(asked.agent, VARIABLE, value, asked.address)]
    if reply.stop == "refusal" and asked.instruction.step.unparsed == "reject":
        return [_lost(asked, reply)]  # the program ends here, and the rollout counts as declined
    if asked.times_asked < asked.instruction.step.tries:
        return [_lost(asked, reply)]
    return [_lost(asked, reply), _without_value(asked)]


def _without_value(asked: Asked) -> Message:
    """The rejection, or the value in place of the one that could not be read."""
    if asked.instruction.step.unparsed == "reject":
        reader = asked.instruction.reader
        likely = reader.by == "likelihood"
        return _rejection(asked, "no choice can be drawn" if likely else f"the reply has no {reader.kind}")
    return values.message(asked.agent, VARIABLE, fallback(asked.instruction), asked.address)


def _several(asked: Asked, replies: Sequence[Completion]) -> list[Message]:
    """The list of values of independent replies; one that cannot be read is missing in it."""
    read = [_value(asked.instruction, reply) for reply in replies]
    lost = [_lost(asked, reply) for reply, value in zip(replies, read, strict=True) if value is None]
    return [*lost, values.message(asked.agent, VARIABLE, read, asked.address)]


def _value(instruction: Instruction, reply: Completion) -> Any:
    if reply.stop == "refusal":
        return None
    reader = instruction.reader
    if reader.by == "likelihood" and reply.logprobs:
        best = max(reply.logprobs, key=lambda scored: scored.logprob)
        if best.logprob <= IMPOSSIBLE:
            return None
        if reader.pick == "best":
            return best.token
    return reader(reply.text)


def _observed(asked: Asked, replies: Sequence[Completion], likelihood: Likelihood) -> list[Message]:
    """The observed value and its log-weight, or a rejection. A reply that is drawn and differs rejects."""
    assert asked.observed is not None
    value = values.decoded(asked.observed)
    if value is None:
        return [_rejection(asked, "the observed value is missing")]
    if likelihood.by == "score":
        weight = _scored(asked.instruction, replies[0], value)
    else:
        agree = sum(values.equal(_value(asked.instruction, reply), value) for reply in replies)
        weight = math.log(agree / len(replies)) if agree else -math.inf
    if weight <= IMPOSSIBLE:
        said = "cannot be drawn" if likelihood.by == "score" else "was not drawn"
        return [_rejection(asked, f"the observed value {values.as_text(value)!r} {said}")]
    bound_value = values.message(asked.agent, VARIABLE, value, asked.address)
    if likelihood.by == "draw":
        return [bound_value]
    return [Message(asked.agent, (WEIGHT,), "weight", repr(weight), asked.address), bound_value]


def _scored(instruction: Instruction, reply: Completion, value: Any) -> float:
    """The log-probability of the value; of a choice, divided by that of all choices."""
    scores = [(scored.token, scored.logprob) for scored in reply.logprobs or ()]
    chosen = next((score for text, score in scores if values.equal(text, value)), -math.inf)
    if instruction.reader.kind != "choice" or chosen <= IMPOSSIBLE:
        return chosen
    top = max(score for _, score in scores)
    return chosen - top - math.log(math.fsum(math.exp(score - top) for _, score in scores))


def _lost(asked: Asked, reply: Completion) -> Message:
    kind = {"refusal": "refused", "length": "truncated"}.get(reply.stop, "unparsed")
    return Message(asked.agent, (), kind, reply.text, asked.address)


def _rejection(asked: Asked, why: str) -> Message:
    return Message(asked.agent, (REJECT,), "reject", f"{asked.address}: {why}", asked.address)


def _lookup(log: Sequence[Message]) -> values.Lookup:
    variables = bound(log)
    return lambda name: values.decoded(variables[name]) if name in variables else None
