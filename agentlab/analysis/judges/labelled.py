"""What a judge scored and people labelled of it, one measure at a time, as the statistics take it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agentlab.analysis.suppressed import suppressed
from agentlab.errors import AnalysisError
from agentlab.pairing import draws_are_pairs
from agentlab.runs.frames import Run
from agentlab.runs.frames.measures import judged_rollouts
from agentlab.stats.contrasts.paired import FEWEST_TASKS
from agentlab.stats.judges.ppi import LabelledScores
from agentlab.types import Measure


@dataclass(frozen=True, slots=True)
class LabelledMeasure:
    """One measure. `rows` are the rollouts that its judge scored."""

    measure: Measure
    rows: pd.DataFrame
    """`rollout`, `task`, `condition`, `draw` (all text), `score`, `label` (mean of raters), `probability`, and in
    columns of their own what every rater gave, NaN where nothing."""
    raters: tuple[str, ...]
    unscored: int
    """Labels of rollouts that the judge did not score; they correct nothing."""
    suppressed: str
    """Why the judge says nothing of who did better; empty where it may."""

    @property
    def conditions(self) -> list[str]:
        return list(dict.fromkeys(self.rows["condition"].tolist()))

    def of(self, condition: str) -> pd.DataFrame:
        return self.rows[self.rows["condition"] == condition]


def labelled(run: Run, measure: str | None = None) -> list[LabelledMeasure]:
    """Every measure with a judged rollout, or the one named. Raises AnalysisError when there is none."""
    wanted = [m for m in run.measured if measure in (None, m.name)]
    found = [one for m in wanted if len((one := _of(run, m)).rows)]
    if not found:
        what = f" for {measure}" if measure else ""
        raise AnalysisError(f"{run.folder}: nothing was judged{what}; run `agentlab judge RUN --with JUDGE` first")
    return found


def judged(rows: pd.DataFrame, clusters: bool, truth: bool = False, pairs: bool = False) -> LabelledScores:
    """Rows of one condition. Every task weighs the same.

    Clusters are tasks, or else rollouts, named by task and draw for `pairs`. With `truth` the scores are the labels
    of everything, so that the mean is the judge's own, with its interval.
    """
    names = (rows["task"] if clusters else rows["task"] + "\n" + rows["draw"]).tolist()
    weights = 1 / rows.groupby("task")["score"].transform("size").to_numpy(dtype=np.float64)
    scores: NDArray[np.float64] = rows["score"].to_numpy(dtype=np.float64)
    kept = names if clusters or pairs else None
    if truth:
        return LabelledScores(scores, scores, 1.0, kept, weights)
    return LabelledScores(scores, rows["label"].to_numpy(), rows["probability"].to_numpy(), kept, weights)


def beyond(*parts: pd.DataFrame) -> bool:
    """Whether each part has labels of enough tasks for a claim about new tasks."""
    return all(part.loc[part["label"].notna(), "task"].nunique() >= FEWEST_TASKS for part in parts)


def _of(run: Run, measure: Measure) -> LabelledMeasure:
    rollouts = judged_rollouts(run.measures, measure)
    scored = rollouts[rollouts[f"{measure.name}_draws"] > 0]
    rows = scored[["rollout", "task", "condition", "draw"]].astype("str").assign(score=scored[measure.name])
    if not draws_are_pairs(run.meta):  # no draw then has a partner of its name in another condition
        rows = rows.assign(draw=rows["rollout"])
    own = run.labels[run.labels["measure"] == measure.name]
    own = own.assign(rollout=own["rollout"].astype("str"))
    given = own.pivot(index="rollout", columns="rater", values="value")
    raters = tuple(sorted(map(str, given.columns)))
    by_rater = given.reindex(rows["rollout"])[list(raters)].set_axis(rows.index)
    drawn = own.drop_duplicates("rollout").set_index("rollout")["probability"]
    label = by_rater.mean(axis=1) if raters else pd.Series(np.nan, index=rows.index)
    rows = rows.assign(label=label, probability=drawn.reindex(rows["rollout"]).to_numpy())
    unscored = int((~own["rollout"].isin(rows["rollout"])).sum())
    named = by_rater.rename(columns={name: f"rater {name}" for name in raters})
    every = pd.concat([rows, named], axis=1).reset_index(drop=True)
    return LabelledMeasure(measure, every, raters, unscored, suppressed(run, measure.judge))
