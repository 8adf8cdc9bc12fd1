"""One measure's values of two arms, and their difference: over pairs where draws are pairs, else within tasks."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agentlab.analysis.outcome_range import outcome_range
from agentlab.runs.frames.pairing import ArmPairs, pair_arms
from agentlab.stats.contrasts.paired import Paired, paired
from agentlab.stats.contrasts.unpaired import unpaired
from agentlab.text import pluralize
from agentlab.types import Measure

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ArmValues:
    """One measure's values of two arms, NaN if missing: row by row if draws are pairs, else each arm by itself."""

    pairs: bool
    """Whether draw n of one arm belongs to draw n of the other."""
    tasks: tuple[list[str], list[str]]
    draws: list[tuple[int, ...]]
    """What tells the pairs of a task apart; empty where there are none."""
    values: tuple[Floats, Floats]
    delivered: tuple[Flags, Flags]
    unmatched: int
    """Rollouts without a partner, which are in no row."""
    range: tuple[float, float]
    """In which a value can lie."""
    clusters: Mapping[str, str]
    """By task; empty where each stands for itself."""

    @property
    def size(self) -> int:
        """Pairs, complete or not; without pairs the rollouts of the smaller arm."""
        return min(len(values) for values in self.values)

    @property
    def missing(self) -> tuple[Flags, Flags]:
        """By row."""
        a, b = (np.isnan(values) for values in self.values)
        return a, b

    def filled(self, a: float, b: float) -> "ArmValues":
        """With these in place of what is missing of either arm."""
        x, y = (np.where(np.isnan(v), fill, v) for v, fill in zip(self.values, (a, b), strict=True))
        return replace(self, values=(x, y))

    def among_delivered(self) -> "ArmValues":
        """Without the values of rollouts that were not delivered."""
        x, y = (np.where(kept, v, np.nan) for v, kept in zip(self.values, self.delivered, strict=True))
        return replace(self, values=(x, y))

    def complete(self) -> list[tuple[NDArray[np.str_], Floats]]:
        """Tasks and values of either arm: of complete pairs, or of all rollouts with a value if there are no pairs."""
        lost = self.missing
        kept = [~(lost[0] | lost[1])] * 2 if self.pairs else [~side for side in lost]
        return [(np.array(t)[k], v[k]) for t, v, k in zip(self.tasks, self.values, kept, strict=True)]

    def difference(self, level: float) -> Paired:
        """`a - b` with intervals at this level.

        `dropped` counts pairs with a missing value and rollouts without a partner; without pairs it counts missing
        values, and those of tasks that the other arm lacks.
        """
        how: Any = {"clusters": self.clusters, "most": self.range[1] - self.range[0]}
        if not self.pairs:
            return unpaired(self.tasks, self.values, level, **how)
        result = paired(self.tasks[0], self.draws, *self.values, level, **how)
        if not self.unmatched:
            return result
        note = f"{pluralize(self.unmatched, 'rollout')} without a partner in the other arm excluded"
        return replace(result, dropped=result.dropped + self.unmatched, notes=(*result.notes, note))


def arm_values(
    a: pd.DataFrame, b: pd.DataFrame, measure: Measure, pairs: bool, clusters: Mapping[str, str]
) -> ArmValues:
    """Of two arms, each as its rows of `run.measures`."""
    if pairs:
        return paired_values(pair_arms(a, b), measure, clusters)
    arms = [
        (
            arm["task"].astype("str").tolist(),
            arm[measure.name].to_numpy(dtype=np.float64),
            (arm["status"] == "delivered").to_numpy(dtype=bool),
        )
        for arm in (a, b)
    ]
    (tasks_a, x, done_a), (tasks_b, y, done_b) = arms
    within = outcome_range(measure, x, y)
    return ArmValues(False, (tasks_a, tasks_b), [], (x, y), (done_a, done_b), 0, within, clusters)


def paired_values(both: ArmPairs, measure: Measure, clusters: Mapping[str, str]) -> ArmValues:
    """Of two arms whose draws are pairs."""
    x, y = (np.asarray(values, dtype=np.float64) for values in both.values(measure.name))
    done_a, done_b = (np.asarray(status == "delivered", dtype=bool) for status in both.values("status"))
    within = outcome_range(measure, *(arm[measure.name] for arm in both.arms))
    tasks, unmatched = both.tasks, both.unmatched
    return ArmValues(True, (tasks, tasks), both.draws, (x, y), (done_a, done_b), unmatched, within, clusters)
