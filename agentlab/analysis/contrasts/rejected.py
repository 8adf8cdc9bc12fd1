"""Whether rejections select among the draws of two arms."""

import pandas as pd

from agentlab.pairing import PAIRING


def rejected_alike(a: pd.DataFrame, b: pd.DataFrame) -> bool:
    """Whether the same draws of both arms were rejected, by their rows of `run.measures`.

    Else the draws that both arms kept are no sample of either: arms share random numbers, so that what one arm observed
    would select among the draws of the other.
    """
    found = [(arm["status"] == "rejected").to_numpy(dtype=bool) for arm in (a, b)]
    if not any(rejected.any() for rejected in found):
        return True
    one, other = (
        {*arm.loc[rejected, [*PAIRING]].itertuples(index=False)} for arm, rejected in zip((a, b), found, strict=True)
    )
    return one == other
