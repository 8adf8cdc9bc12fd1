"""The order of work where some rollouts wait for others: the lowest rank that may begin is next."""

import asyncio
from collections.abc import Iterator
from heapq import heappop, heappush

from agentlab.engine.spec import RolloutSpec
from agentlab.scenario.condition import Condition

Item = tuple[RolloutSpec, Condition]


class Schedule:
    """Hands out trials. A baseline is held back until every rollout that decides its budget is final."""

    def __init__(self, todo: Iterator[Item], awaited: set[str]) -> None:
        """`awaited` are the keys, among those waited for, of rollouts that this command has still to end."""
        self._todo, self._awaited = todo, awaited
        self._held: dict[str, Item] = {}
        self._ready: list[tuple[int, Item]] = []
        self._changed = asyncio.Event()

    async def next(self) -> Item | None:
        """The next one, as soon as there is one; None when no other can begin in this command."""
        while True:
            if self._ready:
                return heappop(self._ready)[1]
            item = next(self._todo, None)
            if item is not None and self._awaited.isdisjoint(item[0].waits):
                return item
            if item is not None:
                self._held[item[0].key] = item
            elif not self._held:
                return None
            else:
                self._changed.clear()
                await self._changed.wait()

    def end(self, key: str, final: bool) -> None:
        """Tells that this rollout is final, or that it will not be in this command."""
        if key not in self._awaited:
            return
        self._awaited.discard(key)
        held = [item for item in self._held.values() if key in item[0].waits]
        for item in held:
            if not final:
                self._held.pop(item[0].key, None)
                self.end(item[0].key, final=False)
            elif self._awaited.isdisjoint(item[0].waits):
                heappush(self._ready, (item[0].rank, self._held.pop(item[0].key)))
        self._changed.set()
