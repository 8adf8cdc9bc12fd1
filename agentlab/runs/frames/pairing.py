"""Rows of two arms side by side, each beside the one that it is paired with."""

from dataclasses import dataclass

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
        return list(self.rows[list(PAIRING[1:])].itertuples(index=False, name=None))


def pair_arms(a: pd.DataFrame, b: pd.DataFrame, *values: str) -> ArmPairs:
    """Pairs two arms of one run. Both need the columns of the key and these values, and each key once."""
    key = list(PAIRING)
    rows = a[[*key, *values]].merge(b[[*key, *values]], on=key, suffixes=("_a", "_b"))
    return ArmPairs(rows, len(a) + len(b) - 2 * len(rows))
