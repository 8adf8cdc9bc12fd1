"""Every error a user can meet, and the exit code it ends a command with.

    AgentlabError                 1
    ├── ScenarioError             2   a document or a command line is wrong; carries every mistake found
    ├── MismatchError             3   a run folder holds something else than what was asked for
    ├── AnalysisError             2   a run does not hold what an analysis needs
    ├── StoreError                1   a run folder is not there, or cannot be read or written
    ├── ModelError                1   a model call failed; becomes a row, seldom an exit
    ├── EngineError               1   a server that agentlab starts did not start, or ended twice
    ├── ToolsetError              1   an agent's tools could not be opened; becomes the end of its rollout
    ├── ProgramError              1   a model call of an agent's program failed; becomes the end of its rollout
    ├── ProtocolError             1   a protocol of one's own broke its own declaration
    └── Stopped                   130 a call was not sent, because the run is being stopped

A message says what was wrong, what would be right, and where.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal


class AgentlabError(Exception):
    """Base of the tree; catch it to print one line instead of a traceback."""

    exit_code: ClassVar[int] = 1


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in a file a user wrote; `line` and `column` count from 1. An option has no line, which is 0."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing to fix in a document."""

    place: Place
    path: str
    """Dotted path in the document, such as `organization.agents.writer.model`."""
    wrong: str
    """What was found."""
    right: str
    """What would be right, with the nearest known name where there is one."""

    def __str__(self) -> str:
        told = not self.path or f"{self.place}".endswith(f" {self.path}")
        path = "" if told else f"{self.path}: "
        return f"{self.place}: {path}{self.wrong}; {self.right}".replace("\n", "⏎")


class ScenarioError(AgentlabError):
    """A scenario, a judge or an option is wrong; nothing was sent to a model."""

    exit_code: ClassVar[int] = 2

    def __init__(self, mistakes: Sequence[Mistake] | str) -> None:
        self.mistakes: tuple[Mistake, ...] = () if isinstance(mistakes, str) else tuple(mistakes)
        super().__init__(mistakes if isinstance(mistakes, str) else "\n".join(map(str, self.mistakes)))


class MismatchError(AgentlabError):
    """The run folder was made from something else, or another process holds it."""

    exit_code: ClassVar[int] = 3


class AnalysisError(AgentlabError):
    """A run does not hold what an analysis needs; the message names the command that makes it."""

    exit_code: ClassVar[int] = 2


class StoreError(AgentlabError):
    """The run folder is not there, or cannot be read or written; what was committed stays."""


FailureKind = Literal["rate_limit", "transient", "too_long", "refused", "fatal"]
"""`rate_limit` and `transient` pass; `too_long` is a prompt that its model cannot take, `refused` a request that the
provider's content policy forbids."""

NO_LOGPROBS = "no log-probabilities"
"""Said by the error of a call that asked for them in vain."""


class ModelError(AgentlabError):
    """A model call failed. `kind` decides whether it is tried again, and what becomes of it."""

    def __init__(self, kind: FailureKind, message: str, retry_after: float | None = None) -> None:
        self.kind: FailureKind = kind
        self.message = message
        self.retry_after = retry_after
        """Seconds the provider asked to wait, if it said so."""
        self.tries = 1
        """Requests that were made, this one included."""
        super().__init__(f"{kind}: {message}")


def is_too_long(error: str | None) -> bool:
    """Whether a recorded error is a `ModelError` of the kind `too_long`; its text begins with its kind."""
    return error is not None and error.startswith("too_long: ")


def is_passing(error: str) -> bool:
    """Whether a recorded error is a `ModelError` that may be gone when the call is made again."""
    return error.startswith(("rate_limit: ", "transient: "))


class EngineError(AgentlabError):
    """A model server that agentlab starts did not start, or ended and ended again. What was answered is kept."""


class ToolsetError(AgentlabError):
    """What an agent's tools need could not be opened for a rollout."""


class SandboxError(AgentlabError):
    """This machine has nothing that programs of agents could be run in."""


class ProgramError(AgentlabError):
    """A model call of a program that an agent runs failed; its rollout is to be played again."""


class TrainingError(AgentlabError):
    """A generation was not trained. The weights that training started from are as they were."""


class ProtocolError(AgentlabError):
    """A protocol wrote a message of a kind that it does not declare."""


class Stopped(AgentlabError):
    """A call that waited for its turn was not sent: the run is being stopped. Nothing was paid for it."""

    exit_code: ClassVar[int] = 130
