"""What the log says of a program: the address of a message, the values of variables, and the questions of a round."""

import re
from collections.abc import Sequence
from typing import Any

from agentlab.types import VARIABLE, Message

_INDEX = re.compile(r"\[\d+\]")


def bound(log: Sequence[Message]) -> dict[str, Any]:
    """The last value of each variable, as the message that holds it."""
    return {variable_of(message.ref): message for message in log if message.ref and VARIABLE in message.to}


def asked_before(log: Sequence[Message], round: int) -> list[Message]:
    """The questions that are answered in `round`, in order."""
    asked: list[Message] = []
    for message in reversed(log):
        if message.round < round - 1:
            break
        if message.kind == "step" and message.round == round - 1:
            asked.append(message)
    return asked[::-1]


def asked_again(asked: Sequence[Message], said: Sequence[Message]) -> list[Message] | None:
    """Of questions without a value in this round, those whose reply could not be read; None if all have a value."""
    answered = {message.ref for message in said if VARIABLE in message.to}
    without = [question for question in asked if question.ref not in answered]
    if not without:
        return None
    unread = {message.ref for message in said if message.kind in ("unparsed", "truncated")}
    return [Message(q.sender, q.to, q.kind, q.content, q.ref) for q in without if q.ref in unread]


def static(address: str) -> str:
    """The path of an address: `rounds.question` of `rounds[3].question`."""
    return _INDEX.sub("", address) if "[" in address else address


def variable_of(address: str) -> str:
    """The variable at an address: `question` of `rounds[3].question`, and `rounds` of `rounds[3]`."""
    return static(address).rpartition(".")[2]


def indices(address: str) -> dict[str, int]:
    """The iteration of each loop around an address, by the loop's path, the outermost first."""
    counts: dict[str, int] = {}
    path = ""
    for part in address.split("."):
        name, _, index = part.partition("[")
        path = f"{path}.{name}" if path else name
        if index:
            counts[path] = int(index[:-1])
    return counts
