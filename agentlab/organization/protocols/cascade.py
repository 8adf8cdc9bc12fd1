"""Cascades: programs over texts, whose sampled steps are questions to agents (Dohan et al. 2022, arXiv:2207.10342).

How rollouts of a program are weighed against each other is no part of it.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, Self

from pydantic import BaseModel, Field

from agentlab.organization.agents import Closing
from agentlab.organization.cascade import values
from agentlab.organization.cascade.checks import GIVEN, Checker, bindings
from agentlab.organization.cascade.fields import Step, identity
from agentlab.organization.cascade.machine import Machine
from agentlab.organization.cascade.misfits import misfits
from agentlab.organization.cascade.needs import needed, unobservable
from agentlab.organization.cascade.program import Instruction, Program, compiled, turns
from agentlab.organization.cascade.replies import asked, read, sampling, step_at
from agentlab.organization.cascade.whole import WholeMachine, some_value
from agentlab.organization.declaration import Flaw, Sampling
from agentlab.organization.likelihood import DRAW, Likelihood
from agentlab.strict import STRICT
from agentlab.types import OUTPUT, TASK, VARIABLE, Completion, Message, MessageKind, Settings, Task

_HIDDEN = MessageKind("hidden", wakes="never")
KINDS: Mapping[str, MessageKind] = {
    "step": MessageKind("text"),
    "input": _HIDDEN,
    "value": _HIDDEN,
    "data": _HIDDEN,
    "weight": _HIDDEN,
    "reject": _HIDDEN,
    "unparsed": MessageKind(fate="unparsed", wakes="once"),
    "truncated": MessageKind(fate="truncated"),
    "refused": _HIDDEN,
}


class CascadeConfig(BaseModel):
    """A program over texts."""

    model_config = STRICT | {"populate_by_name": True}

    kind: Literal["cascade"] = Field(description="A program over texts, whose sampled steps are questions to agents.")
    steps: Mapping[str, Step] = Field(
        min_length=1, description="The steps by name, in order. A step's name is its variable."
    )
    return_: str = Field(alias="return", min_length=1, description="The output. {{x}} is filled in from the variables.")

    def mistakes_for(self, cast: tuple[str, ...], fields: Sequence[str]) -> list[Flaw]:
        """What is wrong with the program for this cast and these fields that all tasks have."""
        checker = Checker(cast, dict.fromkeys((*GIVEN, *fields)), frozenset(bindings(self.steps)))
        flaws = list(checker.steps(self.steps, ("steps",)))
        flaws += checker.variables(values.names(self.return_), ("return",))
        unused = [name for name in cast if name not in checker.asked] if not flaws else []
        flaws += [
            (
                ("steps",),
                f"no step asks agent {name!r} of the cast",
                "a step with `by:` and this agent, or a `cast` without it",
            )
            for name in unused
        ]
        return flaws

    @property
    def bound(self) -> int:
        """The most rounds that the program can take; at least 1."""
        return max(1, turns(self.steps))

    def turns(self) -> int:
        """The rounds that the program needs: as many as it can take, so that no limit cuts it short."""
        return self.bound

    def identity(self) -> dict[str, Any]:
        """The fields as they decide what the program does: the order of steps counts."""
        return {"kind": self.kind, "steps": identity(self.steps), "return": self.return_}

    def build(self, cast: tuple[str, ...], closing: Closing | None, writers: tuple[str, ...] | None) -> "Cascade":
        """The protocol. Every step but a sampled one runs between the rounds."""
        del closing, writers
        return Cascade(compiled(self.steps, self.return_), cast)


@dataclass(frozen=True, slots=True)
class Cascade:
    """Asks the questions of a program, and reads the replies into its variables."""

    program: Program
    cast: tuple[str, ...]
    likelihood: Likelihood = DRAW
    """How an observed step is weighed against its value."""
    whole: bool = False
    """Whether every branch is played, for an estimate, whatever the values are."""
    kinds = KINDS
    tags = ()
    memory = "unread"
    """What agents remember of earlier turns unless the scenario says otherwise: nothing. A question says all."""
    ordered = ("steps",)
    briefed: frozenset[str] = frozenset()
    """Agents are not shown the task. A question says what they need."""

    @property
    def bound(self) -> int:
        """The most rounds that the program can take; the limit of rounds where the scenario names none."""
        return self.program.bound

    @property
    def described(self) -> Mapping[str, str]:
        """Each step by its path, as JSON without the steps within it. Two programs are compared by these."""
        steps = {instruction.path: instruction.step for instruction in self.program.instructions}
        parts = {
            path: step.model_dump_json(by_alias=True, exclude_defaults=True, exclude={"loop", "do"})
            for path, step in steps.items()
        }
        return {**parts, "return": self.program.result}

    @property
    def variables(self) -> tuple[str, ...]:
        """Every variable that a step sets, in order."""
        return tuple(dict.fromkeys(instruction.name for instruction in self.program.instructions))

    def weighing(self, likelihood: Likelihood) -> Self:
        """The same program, with observed steps weighed in this way."""
        return replace(self, likelihood=likelihood)

    def to_the_end(self) -> Self:
        """The same program for estimates: every branch and iteration is played, and nothing is rejected."""
        return replace(self, whole=True)

    @property
    def edges(self) -> Mapping[str, tuple[str, ...]]:
        """The program asks every agent; replies reach the output through variables."""
        return {TASK: self.cast, **dict.fromkeys(self.cast, (OUTPUT,))}

    @property
    def readers(self) -> frozenset[str]:
        """Agents whose questions hold the text of the task, directly or through other variables."""
        holding, agents = {"task"}, set[str]()
        for instruction in (*self.program.instructions, *self.program.instructions):  # twice, for loops
            if not instruction.reads & holding:
                continue
            if instruction.kind == "sample":
                agents.add(instruction.step.by or "")
            elif instruction.kind in ("set", "python", "choose"):
                holding.add(instruction.name)
        return frozenset(agents)

    def open(self, task: Task) -> Sequence[Message]:
        """The task and those of its fields that the program reads, as values of variables."""
        fields: dict[str, Any] = {**task.fields, "target": task.target}
        inputs = [
            Message(TASK, (VARIABLE,), "input", json.dumps(fields[name], ensure_ascii=False), name)
            for name in self.program.inputs
            if name in fields
        ]
        return (Message(TASK, (VARIABLE,), "task", task.prompt, "task"), *inputs)

    def manual(self, agent: str) -> str:
        """Empty: a question says all that an agent has to know."""
        return ""

    def sampling(self, agent: str, log: Sequence[Message], round: int) -> Sampling:
        """The settings of the agent's question in this round, and how many replies it takes."""
        made = sampling(asked(partial(step_at, self.program, log), agent, log, round), self.likelihood)
        return replace(made, settings=replace(made.settings, score=None)) if self.whole else made

    def collect(
        self, agent: str, replies: Sequence[Completion], log: Sequence[Message], round: int
    ) -> Sequence[Message]:
        """The message that gives the variable its value, made of the replies."""
        question = asked(partial(step_at, self.program, log), agent, log, round)
        return [some_value(question, replies)] if self.whole else read(question, replies, self.likelihood)

    def route(self, agent: str, reply: Completion, log: Sequence[Message], round: int) -> Sequence[Message]:
        """The message that gives the variable its value, made of one reply."""
        return self.collect(agent, (reply,), log, round)

    def advance(self, log: Sequence[Message], round: int, stream: int) -> Sequence[Message]:
        """The steps without an agent, up to the next questions."""
        machine = (WholeMachine if self.whole else Machine)(self.program, log, stream)
        return machine.start() if round == 0 else machine.resume(round)

    def wanted(self, tasks: Iterable[Task]) -> Iterator[tuple[Instruction, Settings, int]]:
        """Each sampled step with the settings that it needs of its agent's model, and its number of replies."""
        return needed(self.program.instructions, self.likelihood)

    def unobservable(self, tasks: Iterable[Task]) -> Iterator[Flaw]:
        """What cannot be observed in the way that this program weighs observations."""
        return unobservable(self.program.instructions, self.likelihood)

    def misfit(self, task: Task) -> Flaw | None:
        """A field of the task that a step cannot use: a pool smaller than its `k`, or something that is no list."""
        return next(misfits(self.program, task), None)
