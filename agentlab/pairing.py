"""The key by which rows of different arms are paired, wherever two arms meet."""

from collections.abc import Mapping
from operator import attrgetter
from typing import Any

import pandas as pd

PAIRING = ("task", "draw", "generation")
"""What two rows have in common that are a pair: columns of a frame, attributes of a rollout."""
_values = attrgetter(*PAIRING)


def pairing_key(rollout: Any) -> tuple[str, int, int]:
    """The key of a rollout, or of whatever else has a task, a draw and a generation."""
    return _values(rollout)


def draws_are_pairs(meta: Mapping[str, Any]) -> bool:
    """Whether draw n of one arm belongs to draw n of another, by what a run records of itself.

    It does in a run of a scenario. In an import it does where a column named the draws, or where no task has two texts
    of one condition; else draws are numbered by the order of rows, which says nothing.
    """
    return "imported" not in meta or bool(meta.get("draws_named")) or meta["draws"] <= 1


def rejected_alike(a: pd.DataFrame, b: pd.DataFrame) -> bool:
    """Whether the same draws of both arms were rejected, by their rows of `run.measures`.

    Else the draws that both arms kept are no sample of either: arms share random numbers, so that what one arm observed
    would select among the draws of the other.
    """
    one, other = ({*arm.loc[arm["status"] == "rejected", [*PAIRING]].itertuples(index=False)} for arm in (a, b))
    return one == other
