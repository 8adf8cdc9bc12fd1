"""A model whose replies are sometimes cut off by their length limit, and that gives the probability of any reply."""

from agentlab.models.capabilities import SCORING
from agentlab.models.scoring import scored
from agentlab.types import Completion, Request


class Model:
    """Cuts one reply in three."""

    name, capabilities = "tests.support.cutting:Model", SCORING

    async def complete(self, request: Request) -> Completion:
        if request.settings.score is not None:
            return scored(request.settings.score, [-1.0], request.where.stream)
        return Completion("A", stop="end" if request.where.stream % 3 else "length")


class Refusing:
    """Scores no reply in three."""

    name, capabilities = "tests.support.cutting:Refusing", SCORING

    async def complete(self, request: Request) -> Completion:
        if request.settings.score is None:
            return Completion("A")
        if request.where.stream % 3 == 0:
            return Completion("", stop="refusal")
        return scored(request.settings.score, [-1.0], request.where.stream)
