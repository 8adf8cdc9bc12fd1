"""Answers out of a recorded run. Knows no store: whoever opens the models says how a call is looked up."""

from collections.abc import Callable
from dataclasses import dataclass

from agentlab.errors import ModelError
from agentlab.models import capabilities as families
from agentlab.types import Capabilities, Completion, Request, Where

FindCompletion = Callable[[Where], Completion | None]


@dataclass(frozen=True, slots=True)
class Replay:
    """Gives each call the completion that was recorded for its identity, and never asks a model."""

    name: str
    find: FindCompletion
    capabilities: Capabilities = families.EVERYTHING

    async def complete(self, request: Request) -> Completion:
        recorded = self.find(request.where)
        if recorded is None:
            at = request.where
            raise ModelError(
                "fatal",
                f"not recorded: {self.name} has no call of {at.actor} in rollout {at.rollout}, "
                f"round {at.round}, place {at.k}, attempt {at.attempt}",
            )
        return recorded
