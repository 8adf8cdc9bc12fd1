"""Judge noise of forks: how much of their variance is the judge's, by nested judge draws."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from agentlab.judges import traits
from agentlab.runs.frames import Run
from agentlab.runs.frames.measures import per_draw
from agentlab.types import Measure


@dataclass(frozen=True, slots=True)
class ForkNoise:
    """Within-rollout sums of squares over judge draws, pooled by parent; both tables are indexed by parent."""

    squares: pd.Series
    """Sums over a parent's forks."""
    df: pd.Series
    """Sums of J - 1."""
    inverse: pd.Series
    """Mean of 1/J over forks; 0 for a fork whose status alone decides its value, and for a judge without noise."""
    why: str
    """Why it is not separable; empty when it is."""

    def of(self, parents: Sequence[str]) -> list[float] | None:
        """`sigma2_w mean(1/J)` of each parent; None when it is not separable."""
        if self.why:
            return None
        sigma2 = (self.squares / self.df.where(self.df > 0)).fillna(0.0)
        return (sigma2 * self.inverse).reindex(list(parents)).astype("float64").tolist()


def noise(run: Run, measure: Measure, forks: pd.DataFrame) -> ForkNoise:
    """The noise in `forks`, whose columns are `parent` and `rollout`."""
    verdicts = run.fork_scores.rename(columns={"judge_draw": "draw", "draw": "rollout_draw"})
    verdicts = verdicts[verdicts["rollout"].isin(forks["rollout"])].astype({"rollout": "str"})
    by_fork = per_draw(verdicts, measure).groupby(level=0).agg(["var", "count"]).reindex(forks["rollout"])
    count = pd.Series(by_fork["count"].fillna(0).to_numpy(), dtype="float64")
    df = (count - 1).clip(lower=0)
    squares = pd.Series(by_fork["var"].fillna(0.0).to_numpy(), dtype="float64") * df
    inverse = pd.Series(np.divide(1.0, count, out=np.zeros(len(count)), where=count.to_numpy() > 0))
    parents = pd.Series(forks["parent"].astype("str").to_numpy())
    sums = pd.DataFrame({"squares": squares, "df": df}).groupby(parents).sum()
    mean = inverse.groupby(parents).mean()
    certain = exact(run, measure.judge)
    if certain:
        why = ""
    elif ((sums["df"] == 0) & (mean > 0)).any():
        why = "judge noise is not separable: there are forks with one judge draw only"
    elif float(sums["squares"].sum()) == 0 and float(mean.sum()) > 0:
        why = "judge noise is not separable: the judge's draws never differ"
    else:
        why = ""
    return ForkNoise(sums["squares"], sums["df"], mean * (not certain), why)


def exact(run: Run, judge: str) -> bool:
    """Whether a judge has no noise of its own: it asks no model, and its draws cannot differ."""
    asks: str | None = run.meta.get("judges", {}).get(judge, "")
    return asks is None and bool(traits(run.meta, judge).repeats)
