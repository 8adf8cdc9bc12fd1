"""The outcomes of a run's forks, cut by cut."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from agentlab.analysis.suppressed import suppressed_measures
from agentlab.runs.frames import Run


@dataclass(frozen=True, slots=True)
class ForkOutcome:
    """A measure of the forks of one cut."""

    n: int
    """Forks that have it."""
    mean: float | None
    """Of the means of the rollouts that were forked; None without a value, and of a measure that is suppressed."""
    sd: float | None
    """Root of the mean variance among forks of one rollout, judge noise included; None without two of one rollout."""


@dataclass(frozen=True, slots=True)
class ForkSpread:
    """The forks of one cut that have one change."""

    at: str
    change: str
    fresh: bool
    parents: int
    forks: int
    measures: Mapping[str, ForkOutcome]


def spread(run: Run, keys: Collection[str]) -> list[ForkSpread]:
    """By cut, in the order of the rounds, then by change, plain forks first: the forks with these keys."""
    forks = run.forks[run.forks["rollout"].isin(keys)]
    forks = forks.assign(last=forks["round"] - (forks["agents"].str.len() > 0) * 0.5)
    by = ["last", "at", "fresh", "change"]
    spreads, hidden = list[ForkSpread](), suppressed_measures(run)
    for (_, at, fresh, change), part in forks.groupby(by, observed=True):
        measures = {m.name: _outcome(part, m.name) for m in run.measured}
        measures |= {name: replace(measures[name], mean=None) for name in hidden}
        spreads.append(ForkSpread(str(at), str(change), bool(fresh), part["parent"].nunique(), len(part), measures))
    return spreads


def _outcome(forks: pd.DataFrame, measure: str) -> ForkOutcome:
    values = forks.groupby("parent", observed=True)[measure]
    mean, variance = values.mean().mean(), values.var().mean()
    return ForkOutcome(
        int(forks[measure].notna().sum()),
        None if pd.isna(mean) else float(mean),
        None if pd.isna(variance) else float(np.sqrt(variance)),
    )
