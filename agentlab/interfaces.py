"""What a model, a tool, a protocol and a judge must look like: few methods each, no base class."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, runtime_checkable

from agentlab.types import (
    Call,
    Capabilities,
    ChatMessage,
    Completion,
    JudgeInput,
    Message,
    MessageKind,
    Request,
    Returned,
    Scene,
    Settings,
    Task,
    ToolSpec,
    Verdict,
)


@runtime_checkable
class Model(Protocol):
    """Answers one request, or raises `ModelError`."""

    @property
    def name(self) -> str:
        """`provider/name`, as a scenario writes it."""
        ...

    @property
    def capabilities(self) -> Capabilities: ...

    async def complete(self, request: Request) -> Completion: ...


class Tool(Protocol):
    """Something an agent may do besides talk."""

    @property
    def spec(self) -> ToolSpec: ...

    async def __call__(self, scene: Scene, arguments: Mapping[str, Any]) -> Returned:
        """Raises what is to be told to the model, such as `ValueError` for arguments that do not fit."""
        ...


class Toolset(Protocol):
    """Tools that share what is opened once per rollout."""

    @property
    def tools(self) -> Sequence[Tool]: ...

    def open(self, task: Task) -> AbstractAsyncContextManager[Any]:
        """Entered before the rollout's first turn and left when it ends, however it ends; its tools find what it
        yields in `Scene.resource`."""
        ...


class Routing(Protocol):
    """A protocol: pure routing. `round` counts from 1; messages come back unstamped.

    `log` holds the messages of all earlier rounds. `route` never raises on any text. More methods are optional:
    `agentlab.organization.declaration.Hooks` has them.
    """

    @property
    def kinds(self) -> Mapping[str, MessageKind]:
        """Of its messages, by name; `task`, `closing` and `output` are always there."""
        ...

    @property
    def tags(self) -> tuple[str, ...]:
        """Tags that it reads in replies. They and the names of its kinds are inert in whatever is quoted."""
        ...

    @property
    def edges(self) -> Mapping[str, tuple[str, ...]]:
        """Who may write to whom, `@task` and pseudo-members such as `@output` included."""
        ...

    @property
    def briefed(self) -> frozenset[str]:
        """Agents that are shown the task."""
        ...

    def open(self, task: Task) -> Sequence[Message]: ...

    def manual(self, agent: str) -> str: ...

    def route(self, agent: str, reply: Completion, log: Sequence[Message], round: int) -> Sequence[Message]: ...


class JudgeClient(Protocol):
    """One judge draw's way to its model. A call is recorded, priced, found again on resume, and never raises.

    A judge has no other way: what it asks past its client is neither paid for nor resumed by the run.
    """

    @property
    def capabilities(self) -> Capabilities:
        """Of the judge's model."""
        ...

    @property
    def draw(self) -> int:
        """Which of the judge's draws this is, from 0."""
        ...

    @property
    def seed(self) -> int:
        """For what a judge does at random, such as the order of its criteria: 63 bits, another one for each draw."""
        ...

    async def __call__(self, chat: tuple[ChatMessage, ...], settings: Settings, k: int) -> Call: ...


class Judge(Protocol):
    """Scores one judge input once. Verdicts come back unstamped, one per criterion, always all of them."""

    @property
    def name(self) -> str: ...

    @property
    def draws(self) -> int:
        """How many independent times each judge input is judged."""
        ...

    @property
    def criteria(self) -> tuple[str, ...]: ...

    @property
    def model(self) -> str | None:
        """Key of `models:`; None when no model is asked."""
        ...

    async def __call__(self, judge_input: JudgeInput, client: JudgeClient) -> list[Verdict]: ...


def is_asked() -> bool:
    """Of a `CancelledError`: whether somebody asked the task to end; else the code itself raised it."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
