"""Finds the calls of an earlier run for `replay/RUN`: by task, condition, draw, actor, round and place in the turn."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from agentlab.rows import call_fact
from agentlab.store import read
from agentlab.types import Completion, Where

Coordinates = tuple[str, str, int, int]
"""Task, condition, draw, generation."""


class Recall:
    """The completions of one run folder. `place` tells the coordinates of a rollout that is being played now."""

    def __init__(self, folder: Path, place: Callable[[str], Coordinates]) -> None:
        self._place = place
        self._connection = read(folder)
        with closing(self._connection.execute("SELECT task, condition, draw, generation, id FROM rollouts")) as rows:
            self._ids: dict[Coordinates, int] = {tuple(row[:4]): row[4] for row in rows}

    def __call__(self, where: Where) -> Completion | None:
        """The latest recorded answer at this place; None when there is none."""
        sql = (
            "SELECT * FROM calls WHERE rollout = ? AND round = ? AND actor = ? AND k = ? AND error IS NULL "
            "ORDER BY attempt DESC LIMIT 1"
        )
        id = self._ids.get(self._place(where.rollout))
        row = self._connection.execute(sql, (id, where.round, where.actor, where.k)).fetchone()
        return call_fact(row).completion if row else None

    def close(self) -> None:
        """Releases the file."""
        self._connection.close()
