"""Whether rejections select among the draws of two arms."""

import pandas as pd

from agentlab.pairing import PAIRING
from agentlab.types import Measure

SELECTED = (
    "Arms rejected different draws, so each arm is judged on the draws that its program kept; with "
    "`inference: {kind: rejection, accept: 1}` in the scenario, every draw gets an accepted rollout"
)


def rejected_alike(a: pd.DataFrame, b: pd.DataFrame, measure: Measure) -> bool:
    """Whether the same draws of both arms were rejected, by their rows of `run.measures`, or are worth something.

    Else the draws that both arms kept are no sample of either: arms share random numbers, so that what one arm observed
    would select among the draws of the other.
    """
    if "rejected" in measure.values:
        return True
    masks = [(arm["status"] == "rejected").to_numpy(dtype=bool) for arm in (a, b)]
    if not any(rejected.any() for rejected in masks):
        return True
    of_a, of_b = (
        {*arm.loc[rejected, [*PAIRING]].itertuples(index=False)} for arm, rejected in zip((a, b), masks, strict=True)
    )
    return of_a == of_b


def rejected_apart(rollouts: pd.DataFrame) -> bool:
    """Whether some conditions rejected draws that others kept, by rows of `run.rollouts`."""
    rejected = rollouts[rollouts["status"] == "rejected"]
    conditions = rollouts["condition"].nunique()
    return bool((rejected.groupby([*PAIRING], observed=True)["condition"].nunique() < conditions).any())
