"""A team at a board as it works: nobody writes to anybody, the board takes and gives out everything."""

from collections.abc import Mapping, Sequence
from typing import Any

from agentlab.runs.frames import Run
from agentlab.types import BOARD, OUTPUT

Pair = tuple[str, str]
"""Sender and recipient."""


def board_layers(names: Sequence[str], board: Mapping[str, Any]) -> list[list[str]]:
    """From above: the lead and other agents, workers, the board, reviewers. `board` is as a run records it."""
    rules = board["rules"]
    workers, reviewers = set[str](rules["workers"]), set[str](rules["reviewers"])
    others = [name for name in names if name not in workers | reviewers]
    below = [name for name in names if name in reviewers - workers]
    return [group for group in (others, [name for name in names if name in workers], [BOARD], below) if group]


def board_pairs(names: Sequence[str], board: Mapping[str, Any]) -> list[Pair]:
    """Everybody writes to the board, and it writes to all but a lead who leaves; it delivers, or an agent that may."""
    rules = board["rules"]
    heard = [name for name in names if name != rules["lead"] or rules["stays"]]
    ends = [*board["writers"], *([BOARD] if rules["delivers"] else [])]
    return [*((name, BOARD) for name in names), *((BOARD, name) for name in heard), *((name, OUTPUT) for name in ends)]


def board_loads(run: Run, condition: str, rollouts: int) -> dict[Pair, float]:
    """Messages per rollout to the board, from the board, and to the output.

    What a reviewer wants changed goes to the owner of the ticket: it counts as passing the board.
    """
    rows = run.messages[(run.messages["condition"] == condition).to_numpy()]
    sent = rows[["sender", "to"]].astype({"sender": "str"}).explode("to").astype({"to": "str"})
    counts: dict[Pair, float] = {}
    for sender, reader, count in sent.groupby(["sender", "to"]).size().reset_index().itertuples(index=False):
        direct = not (sender.startswith("@") or reader.startswith("@"))
        for pair in ((sender, BOARD), (BOARD, reader)) if direct else ((sender, reader),):
            counts[pair] = counts.get(pair, 0.0) + count / rollouts
    return counts
