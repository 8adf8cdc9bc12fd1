"""Finds the calls of an earlier run for `replay/RUN`: by task, condition, draw, actor, round and place in the turn.

Anchor texts of judges have no such coordinates; their rows have the same key in every run. A fork is found by those of
its parent, its cut, its index and its change, and a rollout with a hint by its draw among those with one.
"""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from agentlab.store import read
from agentlab.store.rows import call_fact
from agentlab.store.schema import READ_CALLS
from agentlab.types import Completion, Where

Coordinates = tuple[str, str, int, int, tuple[tuple[str, int, str], ...]]
"""Task, condition, draw, generation; of a fork, cut, index and change of every fork on the way to it; `HINTED`."""
HINTED = (("hint", 0, ""),)
"""In place of forks, what tells a rollout with a hint from the one without."""


class ReplayIndex:
    """The completions of one run folder. `place` tells the coordinates of a rollout that is being played now."""

    def __init__(self, folder: Path, place: Callable[[str], Coordinates | None]) -> None:
        self._place = place
        self._connection = read(folder)
        self._ids: dict[Coordinates | str, int] = {}
        ways: dict[str, tuple[tuple[str, int, str], ...]] = {}
        columns = "task, condition, draw, generation, kind, parent, at, fork, change, key, id"
        sql = f"SELECT {columns} FROM rollouts ORDER BY id"
        with closing(self._connection.execute(sql)) as rows:
            for task, condition, draw, generation, kind, parent, at, *fork, key, id in rows:
                first = HINTED if kind == "hint" else ()
                ways[key] = first if at is None else (*ways[parent], (at, *fork))  # a parent's row is older
                self._ids[task, condition, draw, generation, ways[key]] = self._ids[key] = id

    def __call__(self, where: Where) -> Completion | None:
        """The latest recorded answer at this place; None when there is none."""
        sql = (
            f"{READ_CALLS} WHERE rollout = ? AND round = ? AND actor = ? AND k = ? AND error IS NULL "
            "ORDER BY attempt DESC LIMIT 1"
        )
        id = self._ids.get(self._place(where.rollout) or where.rollout)
        row = self._connection.execute(sql, (id, where.round, where.actor, where.k)).fetchone()
        return call_fact(row).completion if row else None

    def close(self) -> None:
        """Releases the file."""
        self._connection.close()
