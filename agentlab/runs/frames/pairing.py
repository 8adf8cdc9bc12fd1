"""Rows of two arms side by side, each beside the one that it is paired with."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agentlab.pairing import PAIRING

Places = NDArray[np.intp]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class ArmPairs:
    """The pairs of two arms, in the order of the first."""

    arms: tuple[pd.DataFrame, pd.DataFrame]
    places: tuple[Places, Places]
    """Where the rows of the pairs are in either arm."""

    def of(self, a: pd.DataFrame, b: pd.DataFrame) -> "ArmPairs":
        """The pairs of `a` and `b`: these, if they are the arms."""
        return self if a is self.arms[0] and b is self.arms[1] else pair_arms(a, b)

    @property
    def unmatched(self) -> int:
        """Rows of either arm that have no partner in the other."""
        return sum(len(arm) - len(places) for arm, places in zip(self.arms, self.places, strict=True))

    def values(self, column: str) -> tuple[Any, Any]:
        """Of either arm, an array with a value for each pair."""
        a, b = (arm[column].array.take(places) for arm, places in zip(self.arms, self.places, strict=True))
        return a, b

    @cached_property
    def tasks(self) -> list[str]:
        """By pair."""
        return self.values("task")[0].astype("str").tolist()

    @cached_property
    def delivered(self) -> tuple[Flags, Flags]:
        """By pair, whether the rollout of either arm was delivered."""
        a, b = (np.asarray(status == "delivered", dtype=bool) for status in self.values("status"))
        return a, b

    @cached_property
    def draws(self) -> list[tuple[int, ...]]:
        """By pair: what tells it from the other pairs of its task."""
        return list(zip(*(self.values(name)[0].tolist() for name in PAIRING[1:]), strict=True))


def pair_arms(a: pd.DataFrame, b: pd.DataFrame) -> ArmPairs:
    """Pairs two arms of one run. Both need the columns of the key, and each key once."""
    numbers = np.zeros(len(a) + len(b), dtype=np.int64)
    for name in PAIRING:
        codes, levels = pd.factorize(pd.concat([a[name], b[name]], ignore_index=True))
        numbers = numbers * len(levels) + codes
    partners = pd.Index(numbers[len(a) :]).get_indexer(pd.Index(numbers[: len(a)]))
    (first,) = np.nonzero(partners >= 0)
    return ArmPairs((a, b), (first, partners[first]))
