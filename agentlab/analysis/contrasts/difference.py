"""One measure's difference between two arms: over pairs where draws are pairs, else over tasks alone."""

from dataclasses import replace

import pandas as pd

from agentlab.runs.frames.pairing import pair_arms
from agentlab.stats.contrasts.paired import Interval, Paired, paired
from agentlab.stats.contrasts.unpaired import unpaired
from agentlab.text import pluralize


def difference(a: pd.DataFrame, b: pd.DataFrame, measure: str, pairs: bool, level: float) -> Paired:
    """Two arms, each as its rows of `run.measures`; `pairs` says whether draw n of one belongs to draw n of the other.

    `dropped` counts pairs with a missing value and rollouts that have no partner, or no value and no like in the other
    arm.
    """
    if not pairs:
        tasks_a, tasks_b = (side["task"].astype("str").tolist() for side in (a, b))
        return unpaired((tasks_a, tasks_b), (a[measure].to_numpy(), b[measure].to_numpy()), level)
    both = pair_arms(a, b, measure)
    x, y = (both.rows[f"{measure}_{side}"].to_numpy() for side in "ab")
    found = paired(both.tasks, both.draws, x, y, level)
    if not both.unmatched:
        return found
    note = f"{pluralize(both.unmatched, 'rollout')} without a partner in the other arm left out"
    return replace(found, dropped=found.dropped + both.unmatched, notes=(*found.notes, note))


def basis(found: Paired) -> Interval | None:
    """The interval on which a conclusion rests: that of new tasks, or of these tasks where they are few."""
    return found.new_tasks or found.these_tasks
