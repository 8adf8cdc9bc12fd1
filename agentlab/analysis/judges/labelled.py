"""What a judge scored and people labelled of it, one measure at a time, as the statistics take it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agentlab.analysis.outcome_range import outcome_range
from agentlab.analysis.suppressed import suppressed
from agentlab.analysis.unplayed import due
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
    """`rollout`, `task`, `cluster` (of the task), `condition`, `draw` (all text), `score`, `label` (mean of raters),
    `probability`, and in columns of their own what every rater gave, NaN where nothing."""
    decided: pd.DataFrame
    """The same of the rollouts whose status the scenario gives a value: `score` and `label` are that value."""
    raters: tuple[str, ...]
    unscored: int
    """Labels of rollouts that the judge did not score; they correct nothing."""
    suppressed: str
    """Why the judge says nothing of who did better; empty where it may."""

    @property
    def conditions(self) -> list[str]:
        return list(dict.fromkeys(self.rows["condition"].tolist()))

    @property
    def ends(self) -> tuple[float, float]:
        """The lowest and the highest value."""
        return outcome_range(self.measure, self.rows["score"], self.rows["label"])

    def of(self, condition: str) -> pd.DataFrame:
        return self.rows[self.rows["condition"] == condition]

    def whole(self, condition: str) -> pd.DataFrame:
        """Every rollout of the measure's mean: those of `of`, then those that a status decides."""
        decided = self.decided[self.decided["condition"] == condition]
        return pd.concat([self.of(condition), decided], ignore_index=True) if len(decided) else self.of(condition)


def labelled(run: Run, measure: str | None = None) -> list[LabelledMeasure]:
    """Every measure with a judged rollout, or the one named. Raises AnalysisError when there is none."""
    wanted = [m for m in run.measured if measure in (None, m.name)]
    measures = [scored for m in wanted if len((scored := _of(run, m)).rows)]
    if not measures:
        what = f" for {measure}" if measure else ""
        raise AnalysisError(f"{run.folder}: nothing was judged{what}; run `agentlab judge RUN --with JUDGE` first")
    return measures


def judged(rows: pd.DataFrame, clusters: bool, truth: bool = False, pairs: bool = False) -> LabelledScores:
    """Rows of one condition. Every task weighs the same.

    Clusters are those of tasks, or else rollouts, named by task and draw for `pairs`. With `truth` scores are labels
    of everything, so that the mean is the judge's own, with its interval.
    """
    names = (rows["cluster"] if clusters else rows["task"] + "\n" + rows["draw"]).tolist()
    weights = 1 / rows.groupby("task")["score"].transform("size").to_numpy(dtype=np.float64)
    scores: NDArray[np.float64] = rows["score"].to_numpy(dtype=np.float64)
    kept = names if clusters or pairs else None
    if truth:
        return LabelledScores(scores, scores, 1.0, kept, weights)
    certain = rows["certain"].to_numpy(dtype=np.bool_)
    return LabelledScores(scores, rows["label"].to_numpy(), rows["probability"].to_numpy(), kept, weights, certain)


def beyond(*parts: pd.DataFrame) -> bool:
    """Whether each part has labels of enough tasks, or clusters of them, for a claim about new tasks."""
    return all(part.loc[part["label"].notna(), "cluster"].nunique() >= FEWEST_TASKS for part in parts)


def _of(run: Run, measure: Measure) -> LabelledMeasure:
    rollouts = judged_rollouts(run.measures, measure)
    rows = _placed(run, measure, rollouts[rollouts[f"{measure.name}_draws"] > 0])
    decided = _placed(run, measure, due(run, measure.judge, run.measures.drop(rollouts.index)))
    decided = decided.assign(label=decided["score"], probability=1.0, certain=True)
    ratings = run.labels[run.labels["measure"] == measure.name]
    ratings = ratings.assign(rollout=ratings["rollout"].astype("str"))
    given = ratings.pivot(index="rollout", columns="rater", values="value")
    raters = tuple(sorted(map(str, given.columns)))
    by_rater = given.reindex(rows["rollout"])[list(raters)].set_axis(rows.index)
    drawn = ratings.drop_duplicates("rollout").set_index("rollout")["probability"]
    label = by_rater.mean(axis=1) if raters else pd.Series(np.nan, index=rows.index)
    rows = rows.assign(label=label, probability=drawn.reindex(rows["rollout"]).to_numpy(), certain=False)
    with_score = set(rows["rollout"].tolist())
    unscored = sum(rollout not in with_score for rollout in ratings["rollout"].tolist())
    named = by_rater.rename(columns={name: f"rater {name}" for name in raters})
    table = pd.concat([rows, named], axis=1).reset_index(drop=True)
    return LabelledMeasure(measure, table, decided, raters, unscored, suppressed(run, measure.judge))


def _placed(run: Run, measure: Measure, scored: pd.DataFrame) -> pd.DataFrame:
    """Where rollouts belong, with their score."""
    rows = scored[["rollout", "task", "condition", "draw"]].astype("str").assign(score=scored[measure.name])
    rows["cluster"] = [run.clusters.get(task, task) for task in rows["task"]]
    # no draw of an import without draws has a partner of its name in another condition
    return rows if draws_are_pairs(run.meta) else rows.assign(draw=rows["rollout"])
