"""The key by which rows of different arms are paired, wherever two arms meet."""

from collections.abc import Mapping
from operator import attrgetter
from typing import Any

PAIRING = ("task", "draw")
"""What two rows have in common that are a pair: columns of a frame, attributes of a rollout. Not the generation: two
generations of a loop are arms too."""
_values = attrgetter(*PAIRING, "generation")


def pairing_key(rollout: Any) -> tuple[str, int, int]:
    """What rollouts have in common that a judge of two is shown side by side: of a loop, the generation too."""
    return _values(rollout)


def draws_are_pairs(meta: Mapping[str, Any]) -> bool:
    """Whether draw n of one arm belongs to draw n of another, by what a run records of itself.

    It does in a run of a scenario. In an import it does where a column named the draws, or where no task has two texts
    of one condition; else draws are numbered by the order of rows, which says nothing.
    """
    return "imported" not in meta or bool(meta.get("draws_named")) or meta["draws"] <= 1
