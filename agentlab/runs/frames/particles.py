"""The particles of rollouts as a frame, and which calls led to the log of the one that was chosen."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from agentlab.columns import PARTICLES
from agentlab.engine.cut import parsed

Select = Callable[[str, Sequence[str]], pd.DataFrame]
"""The rows of a query under these names."""

_SQL = """
SELECT whole.id, one.key, one.parent, one.at, one.weight, one.status, one.output, one.key = whole.chosen
FROM rollouts one JOIN rollouts whole ON whole.key = one.population
WHERE one.kind = 'particle' AND one.status IS NOT NULL ORDER BY one.id"""


def particles(select: Select) -> pd.DataFrame:
    """A row per particle that has ended: `id` of its rollout, and the columns of `Run.particles`."""
    columns = ("id", "particle", "ancestor", "at", "log_weight", "status", "output", "chosen")
    table = select(_SQL, columns).astype({"log_weight": "float64"})
    cuts = {text: parsed(text).round for text in table["at"].unique()}
    rounds = table.pop("at").map(cuts).astype("Int64")
    first = rounds < 0
    table["round"] = rounds.mask(first)
    table["ancestor"] = table["ancestor"].mask(first.astype("bool"))
    table["index"] = table.groupby("id").cumcount()
    weights = table["log_weight"]
    top = weights.groupby(table["id"]).transform("max").to_numpy(dtype="float64")
    with np.errstate(invalid="ignore"):  # a population whose weights are all zero
        raised = np.exp(weights.to_numpy(dtype="float64") - top)
    raised = pd.Series(np.where(np.isneginf(weights), 0.0, raised), index=table.index)
    sums = raised.groupby(table["id"]).transform("sum")
    table["weight"] = (raised / sums.where(sums > 0, 1.0)).where(weights.notna())
    return table[["id", *PARTICLES]].astype(PARTICLES)


def chosen_calls(calls: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Without calls of particles from which the log of their rollout did not come; `table` is `Run.particles`."""
    if table.empty:
        return calls
    above: dict[Any, tuple[Any, Any]] = {
        key: (ancestor, round)
        for key, ancestor, round in zip(table["particle"], table["ancestor"], table["round"], strict=True)
    }
    last: dict[Any, float] = {}
    for key in table.loc[table["chosen"], "particle"]:
        at, until = key, float("inf")
        while isinstance(at, str):
            last[at] = until
            at, cut = above.get(at, (None, None))
            until = min(until, float("inf") if pd.isna(cut) else float(cut))
    chosen = calls["particle"].isna() | (calls["round"] <= calls["particle"].map(last).fillna(-1.0))
    return calls[chosen]
