"""What a protocol of one's own may do wrong ends in one message that says where, or does no harm."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from agentlab.engine.rules import opening
from agentlab.errors import ProtocolError
from agentlab.organization.agents import Agent, Organization
from agentlab.organization.protocols.chain import Chain
from agentlab.types import Completion, Message, Task

Does = Literal["yields", "raises", "nothing", "one name", "number", "surrogate"]
GIVEN: dict[str, tuple[Any, Any]] = {
    "one name": ("ann", "Go."),
    "number": (("ann",), 5),
    "surrogate": (("ann",), "a\ud83d"),
}


@dataclass(frozen=True, slots=True)
class Own:
    """A protocol whose first message is wrong in one way."""

    does: Does
    briefed: frozenset[str] = frozenset()
    kinds = Chain.kinds
    tags: tuple[str, ...] = ()
    edges: Any = None

    def open(self, task: Task) -> Any:
        if self.does == "raises":
            raise KeyError("laps")
        if self.does == "nothing":
            return None
        return self._yielded() if self.does == "yields" else [Message("@task", *self._told())]

    def _told(self) -> tuple[Any, str, Any]:
        to, content = GIVEN[self.does]
        return to, "task", content

    def _yielded(self) -> Iterator[Message]:
        yield Message("@task", ("ann",), "task", "Go.")

    def manual(self, agent: str) -> str:
        return ""

    def route(self, agent: str, reply: Completion, log: Sequence[Message], round: int) -> Sequence[Message]:
        return ()


def opened(does: Does) -> list[Message]:
    made: Any = Own(does, edges={"@task": ("ann",)})
    return opening(Organization((Agent("ann"),), made, 1), Task("t", "Do it."), 1)


@pytest.mark.parametrize("does", ["raises", "nothing", "one name", "number"])
def test_what_breaks_the_rules_is_told_with_its_protocol(does: Does) -> None:
    with pytest.raises(ProtocolError, match=r"protocol Own[: ]"):
        opened(does)


def test_the_line_that_raised_is_named() -> None:
    with pytest.raises(ProtocolError, match=r"KeyError: 'laps' \(.*test_rules\.py:\d+\)"):
        opened("raises")


def test_messages_may_be_yielded_and_hold_what_no_file_can() -> None:
    assert [message.content for message in opened("yields")] == ["Go."]
    assert [message.content for message in opened("surrogate")] == ["a?"]
