"""Stages in a row: a stage's replies go to every member of the next, the last reply is the output.

Expresses one agent alone, draft–critique–revise, debate and panels. Every stage is shown the task.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct
from pydantic import BaseModel, Field

from agentlab.organization.agents import Closing
from agentlab.organization.declaration import Flaw
from agentlab.strict import STRICT
from agentlab.types import OUTPUT, TASK, Completion, Message, MessageKind, Task

KINDS: Mapping[str, MessageKind] = {"reply": MessageKind()}


class ChainConfig(BaseModel):
    """Stages in a row; an agent may stand in several."""

    model_config = STRICT

    kind: Literal["chain"] = Field(description="Stages, one after another.")
    stages: tuple[tuple[str, ...], ...] = Field(
        description="One list of agents per stage, in order. The last stage has one agent, whose reply is the output."
    )

    def mistakes(self, cast: tuple[str, ...]) -> list[Flaw]:
        """What is wrong with the stages for this cast."""
        flaws: list[Flaw] = []
        if not self.stages:
            flaws.append((("stages",), "no stage", "at least one list of agents"))
        for i, stage in enumerate(self.stages):
            if not stage:
                flaws.append((("stages", i), "an empty stage", "at least one agent"))
            for j, name in enumerate(stage):
                if name not in cast:
                    flaws.append((("stages", i, j), f"no agent {name!r} in the cast", f"one of {', '.join(cast)}"))
                elif name in stage[:j]:
                    flaws.append(
                        (("stages", i, j), f"{name!r} appears twice in one stage", "each agent once per stage")
                    )
        if self.stages and len(self.stages[-1]) > 1:
            flaws.append((("stages", len(self.stages) - 1), "the last stage has several agents", "one agent"))
        flaws += [
            (("stages",), f"agent {name!r} of the cast is not in any stage", "a stage for it, or a cast without it")
            for name in cast
            if self.stages and not any(name in stage for stage in self.stages)
        ]
        return flaws

    def turns(self) -> int:
        """The rounds that the chain needs to deliver."""
        return len(self.stages)

    def build(self, cast: tuple[str, ...], closing: Closing | None, writers: tuple[str, ...] | None) -> "Chain":
        """The routing. With several stages the closing question is shown to the last as part of its manual."""
        del writers
        return Chain(self.stages, closing.ask if closing and len(cast) > 1 else None)


class Chain(Struct, frozen=True):
    """Routes by round: stage n acts in round n."""

    stages: tuple[tuple[str, ...], ...]
    ask: str | None
    kinds = KINDS
    tags = ()

    @property
    def length(self) -> int:
        """As many rounds as stages, whatever the limit."""
        return len(self.stages)

    @property
    def briefed(self) -> frozenset[str]:
        """Every stage sees the task."""
        return frozenset(name for stage in self.stages for name in stage)

    @property
    def edges(self) -> Mapping[str, tuple[str, ...]]:
        """Every stage writes to the next, the last one to `@output`."""
        edges: dict[str, tuple[str, ...]] = {TASK: self.stages[0]}
        for stage, following in zip(self.stages, (*self.stages[1:], (OUTPUT,)), strict=True):
            for name in stage:
                edges[name] = tuple(dict.fromkeys((*edges.get(name, ()), *following)))
        return edges

    def open(self, task: Task) -> Sequence[Message]:
        """The task goes to the first stage."""
        return (Message(TASK, self.stages[0], "task", task.prompt),)

    def manual(self, agent: str) -> str:
        """Only the last stage has one, and only with a closing question."""
        if self.ask is None or agent not in self.stages[-1]:
            return ""
        return f"When you have read the work of the others, your reply is the final result. {self.ask}"

    def route(self, agent: str, reply: Completion, log: Sequence[Message], round: int) -> Sequence[Message]:
        """The whole reply goes on, tags and all: a chain reads no markup."""
        if round >= len(self.stages):
            return (Message(agent, (OUTPUT,), "output", reply.text),)
        return (Message(agent, self.stages[round], "reply", reply.text),)
