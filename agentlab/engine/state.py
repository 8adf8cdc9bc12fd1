"""The state of an unfinished rollout: everything that has happened, so that it can be stepped, copied and continued."""

import asyncio
from collections.abc import Sequence

from msgspec import Struct

from agentlab.engine.prompt import Fold
from agentlab.types import Call, Message, Status


class State(Struct):
    """The log, the calls, and what follows from them. A copy shares the facts and nothing that can change."""

    log: list[Message]
    calls: dict[str, list[Call]]
    """By actor, each in order."""
    round: int = 0
    """The last round that was played."""
    woken_by_bounce: frozenset[str] = frozenset()
    """Agents that acted in the last round on nothing but messages that wake once in a row, such as bounces."""
    given: dict[str, tuple[Call, ...]] = {}
    """Of a fork: calls of the next round that are its parent's, by agent. They are routed and not made again."""
    folds: dict[str, Fold] = {}
    """By agent: its chat as far as it has been sent."""
    status: Status | None = None
    """Set once the rollout is over for another reason than that nobody has unread mail."""
    error: str | None = None
    steps: int | None = None
    """How many steps of a baseline count, once that is known."""
    commits: list[asyncio.Future[None]] = []
    """Of replies in the round that is being played. A reply is not used before its commit."""

    def copy(self) -> "State":
        """A second state that continues from here. Stepping one does not change the other."""
        return State(
            self.log.copy(),
            {actor: calls.copy() for actor, calls in self.calls.items()},
            self.round,
            self.woken_by_bounce,
            self.given.copy(),
            {agent: fold.copy() for agent, fold in self.folds.items()},
            self.status,
            self.error,
            self.steps,
        )

    async def committed(self) -> None:
        """Waits for the commit of every reply so far."""
        for commit in self.commits:
            await commit
        self.commits.clear()

    def made(self) -> list[Call]:
        """Every call, actor by actor."""
        return [call for calls in self.calls.values() for call in calls]

    def post(self, messages: Sequence[Message], round: int) -> None:
        """Stamps messages and adds them to the log."""
        for m in messages:  # built anew by hand: `replace` takes several times as long, for every message there is
            self.log.append(Message(m.sender, m.to, m.kind, m.content, m.ref, round, len(self.log)))
