"""Plays rollouts in this process and in the event loop that asks for them."""

from collections.abc import Callable
from dataclasses import dataclass

from agentlab.engine.client import Client
from agentlab.engine.play import play
from agentlab.engine.spec import RolloutSpec
from agentlab.engine.state import State
from agentlab.types import Rollout


@dataclass(frozen=True, slots=True)
class LocalExecutor:
    """Thousands of rollouts at once: they wait for models nearly all the time."""

    async def play(
        self, spec: RolloutSpec, client: Client, stopping: Callable[[], bool], state: State | None
    ) -> Rollout:
        """Plays it here."""
        return await play(spec, client, stopping, state)
