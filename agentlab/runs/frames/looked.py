"""Records that the outcomes of a run are read, which is an interim analysis while the run grows."""

from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd

from agentlab.errors import StoreError
from agentlab.store import UNFINISHED, look


def looked(folder: Path, meta: dict[str, Any], rollouts: pd.DataFrame) -> str:
    """Adds the look to the run's and to `meta`, unless nothing is new since the last; gives why it could not.

    Reading a run takes no right to write. Imported texts do not grow by what is read off them.
    """
    if "tree" not in meta:
        return ""
    finished = rollouts.loc[~rollouts["status"].isin(UNFINISHED), "condition"].astype("str")
    try:
        new = look(folder, Counter(finished.tolist()), meta["looks"])
    except StoreError as error:
        return str(error)
    meta["looks"] += [new] if new else []
    return ""
