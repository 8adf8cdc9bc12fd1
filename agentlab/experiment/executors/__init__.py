"""Where rollouts are played: in this process, or wherever an executor of one's own takes them."""

from collections.abc import Callable
from typing import Protocol

from agentlab.engine.client import Client
from agentlab.engine.spec import RolloutSpec
from agentlab.engine.state import State
from agentlab.types import Rollout


class Executor(Protocol):
    """Plays one rollout to its end. The runner decides which, when, and how many at once."""

    async def play(
        self, spec: RolloutSpec, client: Client, stopping: Callable[[], bool], state: State | None
    ) -> Rollout:
        """The rollout that `agentlab.engine.play.play` would give; a fork is played on from `state`.

        `client.recorded` has the calls that need not be made again. `client.record` takes every new one, in the event
        loop of the runner; what it returns is done after the commit. `stopping` may be asked anywhere.
        """
        ...
