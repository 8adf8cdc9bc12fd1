"""A hidden Markov chain as an organization: each round one agent names the next state, and the protocol weighs it.

The posterior and the evidence are known exactly. A scenario names it `tests.support.chain_of_states:ChainOfStates`.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from agentlab.organization.agents import Closing
from agentlab.organization.likelihood import DRAW, Likelihood
from agentlab.seeds import stream as stream_of
from agentlab.types import (
    OUTPUT,
    REJECT,
    TASK,
    VARIABLE,
    WEIGHT,
    Completion,
    Message,
    MessageKind,
    Request,
    Task,
)

START = {"A": 0.5, "B": 0.5}
NEXT = {"A": {"A": 0.8, "B": 0.2}, "B": {"A": 0.3, "B": 0.7}}
SIGN = {"A": {"x": 0.9, "y": 0.1}, "B": {"x": 0.2, "y": 0.8}}
KINDS: Mapping[str, MessageKind] = {
    "ask": MessageKind(),
    **dict.fromkeys(("value", "weight", "reject"), MessageKind("hidden", wakes="never")),
}


@dataclass(frozen=True)
class ChainOfStates:
    """`seen` are the signs; the start state is drawn before the first round, which shows that particles differ then."""

    cast: tuple[str, ...]
    closing: Closing | None
    seen: tuple[str, ...]
    likelihood: Likelihood = DRAW

    kinds = KINDS
    tags = ()

    def weighing(self, likelihood: Likelihood) -> Self:
        return replace(self, likelihood=likelihood)

    @property
    def briefed(self) -> frozenset[str]:
        return frozenset()

    @property
    def edges(self) -> Mapping[str, tuple[str, ...]]:
        return {TASK: self.cast, self.cast[0]: (OUTPUT,)}

    def open(self, task: Task) -> Sequence[Message]:
        return ()

    def manual(self, agent: str) -> str:
        return ""

    def route(self, agent: str, reply: Completion, log: Sequence[Message], round: int) -> Sequence[Message]:
        return (Message(agent, (VARIABLE,), "value", reply.text, "state"),)

    def advance(self, log: Sequence[Message], round: int, stream: int) -> Sequence[Message]:
        if round == 0:
            state = "A" if stream % 2 else "B"
            return (Message(TASK, (VARIABLE,), "value", state, "state"), self._ask(state))
        state = next(m.content for m in reversed(log) if m.ref == "state")
        made = list(self._observed(state, self.seen[round - 1], stream))
        if any(REJECT in message.to for message in made):
            return made
        done = round == len(self.seen)
        return [*made, Message(TASK, (OUTPUT,), "output", state) if done else self._ask(state)]

    def _ask(self, state: str) -> Message:
        return Message(TASK, self.cast, "ask", f"state={state}")

    def _observed(self, state: str, sign: str, stream: int) -> Sequence[Message]:
        chance = SIGN[state][sign]
        if self.likelihood.by == "score":
            return (Message(TASK, (WEIGHT,), "weight", repr(math.log(chance)), "sign"),)
        draws = [stream_of(stream, i) / 2**63 < chance for i in range(self.likelihood.draws)]
        if self.likelihood.by == "count":
            share = sum(draws) / len(draws)
            return (Message(TASK, (WEIGHT,), "weight", repr(math.log(share) if share else -math.inf), "sign"),)
        return () if draws[0] else (Message(TASK, (REJECT,), "reject", "another sign"),)


@dataclass(frozen=True)
class WeighsAlways(ChainOfStates):
    """The same chain whose signs are always weighed, so that a rollout without a population is never rejected."""

    likelihood: Likelihood = Likelihood("score")


def next_state() -> Callable[[Request], Completion]:
    """A policy of `sim`: the next state with its known probabilities."""

    def policy(request: Request) -> Completion:
        state = request.chat[-1].content.partition("state=")[2][0]
        point = stream_of(request.where.stream) / 2**63
        return Completion("A" if point < NEXT[state]["A"] else "B")

    return policy


def exact(seen: Sequence[str]) -> tuple[float, float]:
    """The evidence of these signs, and the posterior chance that the last state is B, by enumeration."""
    evidence = last_b = 0.0
    for path in itertools.product("AB", repeat=len(seen) + 1):
        chance = START[path[0]]
        for before, after, sign in zip(path, path[1:], seen, strict=False):
            chance *= NEXT[before][after] * SIGN[after][sign]
        evidence += chance
        last_b += chance * (path[-1] == "B")
    return evidence, last_b / evidence


SCENARIO = """
spec: 1
name: states
seed: 5
models: {default: {name: "sim/tests.support.chain_of_states:next_state"}}
tasks: {t: {prompt: Which state is the last?, target: B}}
organization:
  agents: {walker: {memory: unread}}
  protocol: {kind: "tests.support.chain_of_states:ChainOfStates", seen: [x, y, y, x, y]}
  rounds: 6
inference: {kind: smc, particles: 16}
draws: 4
judges: {last: {kind: match, by: exact}}
measures: {last: {judge: last}}
"""
