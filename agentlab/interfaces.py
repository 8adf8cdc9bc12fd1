"""The interfaces of models, tools, protocols and judges: a few methods each, no base class."""

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


async def close(model: Model) -> None:
    """Ends what the model holds open, where it has `aclose()`."""
    aclose = getattr(model, "aclose", None)
    if aclose is not None:
        await aclose()


class Tool(Protocol):
    """Something an agent can do besides talking."""

    @property
    def spec(self) -> ToolSpec: ...

    async def __call__(self, scene: Scene, arguments: Mapping[str, Any]) -> Returned:
        """Raises an error to be shown to the model, such as `ValueError` for invalid arguments."""
        ...


class Toolset(Protocol):
    """Tools that share a resource opened once per rollout."""

    @property
    def tools(self) -> Sequence[Tool]: ...

    def open(self, task: Task) -> AbstractAsyncContextManager[Any]:
        """Entered before the rollout's first turn and exited when the rollout ends, in any way. Tools find the value it
        yields in `Scene.resource`."""
        ...


class Routing(Protocol):
    """A protocol: pure routing. `round` counts from 1. The engine adds round and index to returned messages.

    `log` holds the messages of all earlier rounds. `route` never raises on any text. Optional methods are in
    `agentlab.organization.declaration.Hooks`.
    """

    @property
    def kinds(self) -> Mapping[str, MessageKind]:
        """The kinds of its messages, by name; `task`, `closing` and `output` always exist."""
        ...

    @property
    def tags(self) -> tuple[str, ...]:
        """Tags that it reads in replies. In quoted text, these tags and the names of its kinds have no effect."""
        ...

    @property
    def edges(self) -> Mapping[str, tuple[str, ...]]:
        """Who may write to whom, including `@task` and pseudo-members such as `@output`."""
        ...

    @property
    def briefed(self) -> frozenset[str]:
        """Agents that see the task."""
        ...

    def open(self, task: Task) -> Sequence[Message]: ...

    def manual(self, agent: str) -> str: ...

    def route(self, agent: str, reply: Completion, log: Sequence[Message], round: int) -> Sequence[Message]: ...


class JudgeClient(Protocol):
    """Gives one judge draw access to its model. Calls are recorded, priced, reused on resume, and never raise.

    Judges must use this client: the run neither counts the cost of other calls nor reuses them on resume.
    """

    @property
    def capabilities(self) -> Capabilities:
        """The capabilities of the judge's model."""
        ...

    @property
    def draw(self) -> int:
        """Which of the judge's draws this is, from 0."""
        ...

    @property
    def seed(self) -> int:
        """A 63-bit seed for random choices of the judge, such as the order of criteria; different for each draw."""
        ...

    async def __call__(self, chat: tuple[ChatMessage, ...], settings: Settings, k: int) -> Call: ...


class Judge(Protocol):
    """Scores one judge input once. Always returns one verdict per criterion; the run fills in judge and draw."""

    @property
    def name(self) -> str: ...

    @property
    def draws(self) -> int:
        """How many times each judge input is judged, independently."""
        ...

    @property
    def criteria(self) -> tuple[str, ...]: ...

    @property
    def model(self) -> str | None:
        """Key of `models:`; None for a judge without a model."""
        ...

    async def __call__(self, judge_input: JudgeInput, client: JudgeClient) -> list[Verdict]: ...
