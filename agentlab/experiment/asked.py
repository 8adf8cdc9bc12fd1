"""What the commands on a run folder asked for: a run is finished when all of it is played and judged."""

from collections.abc import Mapping, Sequence
from typing import Any

Part = Mapping[str, Any]
"""`conditions`, `tasks`, `draws` of each of both, and the `options` with which a command asked for them."""


def planned(asked: Sequence[Part], condition: str) -> dict[str, int]:
    """The draws of each task that was asked for in one condition."""
    draws: dict[str, int] = {}
    for part in asked:
        if condition in part["conditions"]:
            for task in part["tasks"]:
                draws[task] = max(draws.get(task, 0), int(part["draws"]))
    return draws


def options(asked: Sequence[Part] | None) -> list[str]:
    """The options of the command that asked for most."""
    by_size = sorted(asked or (), key=lambda part: len(part["conditions"]) * len(part["tasks"]) * int(part["draws"]))
    return [*by_size[-1]["options"]] if by_size else []
