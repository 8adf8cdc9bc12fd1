"""Rows of two arms side by side, each beside the one that it is paired with."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from agentlab.pairing import PAIRING


@dataclass(frozen=True, slots=True)
class ArmPairs:
    """The pairs of two arms."""

    rows: pd.DataFrame
    """A row per pair in the order of the first arm: its key, and every value as NAME_a and NAME_b."""
    unmatched: int
    """Rows of either arm that have no partner in the other."""

    @property
    def tasks(self) -> list[str]:
        """By pair."""
        return self.rows["task"].astype("str").tolist()

    @property
    def draws(self) -> list[tuple[int, ...]]:
        """By pair: what tells it from the other pairs of its task."""
        return list(zip(*(self.rows[name].tolist() for name in PAIRING[1:]), strict=True))


def pair_arms(a: pd.DataFrame, b: pd.DataFrame, *values: str) -> ArmPairs:
    """Pairs two arms of one run. Both need the columns of the key and these values, and each key once."""
    keys_a, keys_b = (pd.MultiIndex.from_arrays([arm[name] for name in PAIRING]) for arm in (a, b))
    partners = keys_b.get_indexer(keys_a)
    (first,) = np.nonzero(partners >= 0)
    columns = {name: a[name].array.take(first) for name in PAIRING}
    for side, arm, rows in (("a", a, first), ("b", b, partners[first])):
        columns |= {f"{name}_{side}": arm[name].array.take(rows) for name in values}
    return ArmPairs(pd.DataFrame(columns), len(a) + len(b) - 2 * len(first))
