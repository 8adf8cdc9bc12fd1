"""The key by which rows of different arms are paired, wherever two arms meet."""

from operator import attrgetter
from typing import Any

PAIRING = ("task", "draw", "generation")
"""What two rows have in common that are a pair: columns of a frame, attributes of a rollout."""
_values = attrgetter(*PAIRING)


def pairing_key(rollout: Any) -> tuple[str, int, int]:
    """The key of a rollout, or of whatever else has a task, a draw and a generation."""
    return _values(rollout)
