"""Forks as a frame: what their cuts and indices say, as columns."""

import pandas as pd

from agentlab.columns import FORK
from agentlab.engine.cut import parsed
from agentlab.engine.intervention import stored
from agentlab.engine.spec import FRESH


def forked(rollouts: pd.DataFrame) -> pd.DataFrame:
    """The rows of `rollouts` that are forks, with `round`, `agents` and `fresh` beside their `at` and `fork`."""
    table = rollouts[rollouts["kind"] == "fork"].drop(columns="kind").reset_index(drop=True)
    cuts = {text: parsed(text) for text in table["at"].unique()}
    table["round"] = pd.Series([cuts[text].round for text in table["at"]], dtype="Int64")
    table["agents"] = pd.Series([cuts[text].agents for text in table["at"]], dtype="object")
    table["fresh"] = table["fork"] > FRESH
    return table[[*(name for name in table.columns if name not in FORK), *FORK]]


def exhausted(forks: pd.DataFrame) -> "pd.Series[bool]":
    """Which rows of `Run.forks` ended because a turn was drawn as often as it may be: nothing came of them."""
    kinds = {text: change.kind if (change := stored(text)) is not None else "" for text in forks["change"].unique()}
    redrawn = forks["change"].map(kinds) == "until"
    return redrawn & (forks["status"] == "rejected") & forks["error"].notna() if redrawn.any() else redrawn
