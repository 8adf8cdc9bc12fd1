"""A simulated agent that says A, unless its prompt tells the answer."""

import re
from collections.abc import Callable

from agentlab.types import Completion, Request


def obeys() -> Callable[[Request], Completion]:
    """Of `The answer is B.`, it says B."""

    def reply(request: Request) -> Completion:
        told = re.findall(r"The answer is (\w+)\.", request.chat[-1].content)
        return Completion(told[-1] if told else "A")

    return reply


def repeats() -> Callable[[Request], Completion]:
    """It repeats the sentence that tells the answer."""

    def reply(request: Request) -> Completion:
        told = re.findall(r"The answer is \w+\.", request.chat[-1].content)
        return Completion(told[-1] if told else "A")

    return reply
