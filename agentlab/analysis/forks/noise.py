"""Judge noise of forks: how much of their variance is the judge's, by nested judge draws."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from agentlab.analysis.components.judge_noise import noiseless, within_rollouts
from agentlab.runs.frames import Run
from agentlab.runs.frames.measures import judged_rollouts
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
    """The noise in `forks`, whose columns are `parent`, `rollout` and `status`."""
    by_judge = judged_rollouts(forks, measure)["rollout"]
    scores = run.fork_scores[run.fork_scores["rollout"].isin(by_judge)]
    by_fork = within_rollouts(scores, measure).reindex(forks["rollout"]).fillna(0.0)
    by_parent = by_fork.groupby(forks["parent"].astype("str").to_numpy())
    squares, df, inverse = by_parent["squares"].sum(), by_parent["df"].sum(), by_parent["inverse"].mean()
    if noiseless(run, measure.judge):
        return ForkNoise(squares, df, inverse * 0, "")
    why = ""
    if ((df == 0) & (inverse > 0)).any():
        why = "judge noise is not separable: some forks have only one judge draw"
    elif float(squares.sum()) == 0 and float(inverse.sum()) > 0:
        why = "judge noise is not separable: the judge's draws never differ"
    return ForkNoise(squares, df, inverse, why)
