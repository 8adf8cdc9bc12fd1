"""What a model, a tool, a protocol and a judge must look like: one method each, no base class."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from agentlab.types import (
    Call,
    Capabilities,
    ChatMessage,
    Completion,
    JudgeInput,
    Message,
    Request,
    Settings,
    Task,
    ToolSpec,
    Verdict,
    Where,
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

    async def __call__(self, arguments: Mapping[str, Any], where: Where) -> str: ...


class Routing(Protocol):
    """A protocol: pure routing. `round` counts from 1; messages come back unstamped.

    `log` holds the messages of all earlier rounds. `route` never raises on any text.
    """

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
