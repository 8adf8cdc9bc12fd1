"""A simulated agent that copies an example from its prompt with a known chance, and else draws from its own table."""

import re
from collections.abc import Callable, Mapping

from agentlab.models.simulated.chatter import RandomNumbers
from agentlab.types import Completion, Request

_EXAMPLE = re.compile(r"^Reply:\n\n(.*)$", re.MULTILINE)
"""The reply of an example, as the trainer `exemplars` writes it."""


def copycat(replies: Mapping[str, float], copies: float) -> Callable[[Request], Completion]:
    """With examples, the chance of a reply is `copies * (its share of the examples) + (1 - copies) * replies`.

    `replies` has the probability of each text; they sum to 1. Without examples, the table alone decides.
    """

    def reply(request: Request) -> Completion:
        draws = RandomNumbers(request.where.stream)
        examples = [
            text for entry in request.chat if entry.role == "system" for text in _EXAMPLE.findall(entry.content)
        ]
        if examples and draws.below(1000) < copies * 1000:
            return Completion(examples[draws.below(len(examples))])
        point = draws.below(2**53) / 2**53
        for text, chance in replies.items():
            point -= chance
            if point < 0:
                return Completion(text)
        return Completion([*replies][-1])

    return reply
