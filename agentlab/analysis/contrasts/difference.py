"""One measure's values of two arms, and their difference: over pairs where draws are pairs, else within tasks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agentlab.analysis.outcome_range import outcome_range
from agentlab.runs.frames.pairing import ArmPairs, pair_arms
from agentlab.stats.contrasts.paired import Paired, paired
from agentlab.stats.contrasts.unpaired import unpaired
from agentlab.stats.rows import codes_of
from agentlab.text import pluralize
from agentlab.types import Measure

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Replicates = Callable[[pd.DataFrame], list[int] | None]
"""Of rows of a frame, the training that each is of; None where no arm was trained several times."""


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
    replicates: tuple[list[int], list[int]] | None = None
    """By row, of which training it is; None where no arm was trained several times."""

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

    def complete(self) -> list[tuple[NDArray[np.intp], Floats]]:
        """Codes of tasks, or of replicates in them, and values of either arm: of complete pairs, or of all rollouts
        with a value if there are no pairs."""
        lost = self.missing
        kept = [~(lost[0] | lost[1])] * 2 if self.pairs else [~side for side in lost]
        apart = self.replicates or self.tasks
        cells = [codes_of(zip(*labels, strict=True)) for labels in zip(self.tasks, apart, strict=True)]
        return [(c[k], v[k]) for c, v, k in zip(cells, self.values, kept, strict=True)]

    def difference(self, level: float) -> Paired:
        """`a - b` with intervals at this level.

        `dropped` counts pairs with a missing value and rollouts without a partner; without pairs it counts missing
        values, and those of tasks that the other arm lacks.
        """
        how: Any = {"clusters": self.clusters, "most": self.range[1] - self.range[0]}
        if not self.pairs:
            return unpaired(self.tasks, self.values, level, replicates=self.replicates, **how)
        replicates = self.replicates and self.replicates[0]
        result = paired(self.tasks[0], self.draws, *self.values, level, replicates=replicates, **how)
        if not self.unmatched:
            return result
        note = f"{pluralize(self.unmatched, 'rollout')} without a partner in the other arm excluded"
        return replace(result, dropped=result.dropped + self.unmatched, notes=(*result.notes, note))


def arm_values(
    a: pd.DataFrame,
    b: pd.DataFrame,
    measure: Measure,
    pairs: bool,
    clusters: Mapping[str, str],
    replicates: Replicates = lambda _: None,
    known: ArmPairs | None = None,
) -> ArmValues:
    """Of two arms, each as its rows of `run.measures`; `replicates` says of which training each row is.

    `known` are the pairs of these or other rows of the arms, which are not looked up again.
    """
    if pairs:
        return _paired_values(pair_arms(a, b) if known is None else known.of(a, b), measure, clusters, replicates)
    name, how = measure.name, (outcome_range(measure, a[measure.name], b[measure.name]), clusters)
    arms = [
        (
            arm["task"].astype("str").tolist(),
            arm[name].to_numpy(dtype=np.float64),
            (arm["status"] == "delivered").to_numpy(dtype=bool),
        )
        for arm in (a, b)
    ]
    (tasks_a, x, done_a), (tasks_b, y, done_b) = arms
    of_a, of_b = replicates(a), replicates(b)
    of_arms = (of_a, of_b) if of_a is not None and of_b is not None else None
    return ArmValues(False, (tasks_a, tasks_b), [], (x, y), (done_a, done_b), 0, *how, of_arms)


def _paired_values(pairs: ArmPairs, measure: Measure, clusters: Mapping[str, str], replicates: Replicates) -> ArmValues:
    """Of two arms whose draws are pairs."""
    name, tasks = measure.name, pairs.tasks
    x, y = (np.asarray(values, dtype=np.float64) for values in pairs.values(name))
    how = outcome_range(measure, *(arm[name] for arm in pairs.arms)), clusters
    of_pairs = replicates(pairs.arms[0].iloc[pairs.places[0]])
    apart = None if of_pairs is None else (of_pairs, of_pairs)
    return ArmValues(True, (tasks, tasks), pairs.draws, (x, y), pairs.delivered, pairs.unmatched, *how, apart)
