"""How much of a rollout's score is its judge's noise: from repeated draws of one judge on one rollout."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from agentlab.judges import traits
from agentlab.runs.frames import Run
from agentlab.runs.frames.measures import judged_rollouts, of_scores, per_draw
from agentlab.types import Measure

SETTLED = 1e-12
"""A variance below this share of the largest squared score is rounding."""


@dataclass(frozen=True, slots=True)
class JudgeNoise:
    """A judge's noise in one measure, and what varies over draws, by condition."""

    table: pd.DataFrame
    """By condition: sum of `squares` within rollouts over judge draws, on `df` degrees of freedom; `inverse` the sum of
    1/J over the `judged` ones among `n` rollouts with a score, which a status may decide alone; `score` sum of squares
    of scores within tasks, or within replicates of a loop in them, on `score_df`; `largest` squared score."""
    why: str
    """Why it is not separable from what the agents do; empty where it is."""
    none: bool
    """Whether the judge has no noise, because it asks no model."""

    def variance(self, conditions: Sequence[str]) -> float | None:
        """`sigma2_w mean(1/J)`, what it adds to the variance of a score, pooled over conditions."""
        return self._variance(self.table.reindex(list(conditions)))

    def draw_variance(self, conditions: Sequence[str]) -> float:
        """`sigma2_w`, the variance of one judge draw, pooled over conditions."""
        sums = self.table.reindex(list(conditions)).sum()
        return float(sums["squares"] / sums["df"])

    def judged_share(self, conditions: Sequence[str]) -> float:
        """Of the rollouts with a score, those that the judge gave it."""
        sums = self.table.reindex(list(conditions)).sum()
        return float(sums["judged"] / sums["n"])

    def share(self, conditions: Sequence[str]) -> float | None:
        """Of the variance of a score over draws of one task in one arm; above 1 only by chance.

        None where the noise is not separable, or where no task has two scored draws that differ.
        """
        rows = self.table.reindex(list(conditions))
        noise, squares, df = self._variance(rows), float(rows["score"].sum()), float(rows["score_df"].sum())
        if noise is None or df == 0 or squares <= SETTLED * df * float(rows["largest"].max()):
            return None
        return noise / (squares / df)

    def _variance(self, rows: pd.DataFrame) -> float | None:
        df = float(rows["df"].sum())
        if self.none:
            return 0.0
        if self.why or df == 0:
            return None
        return float(rows["squares"].sum()) / df * float(rows["inverse"].sum() / rows["n"].sum())


def judge_draws(scores: pd.DataFrame, measure: Measure) -> "pd.Series[float]":
    """The measure by rollout and judge draw, from `run.scores` or `run.fork_scores`."""
    drawn = per_draw(of_scores(scores[scores["judge"] == measure.judge]), measure)
    by_rollout: Any = drawn.index
    return drawn.set_axis(by_rollout.set_levels(by_rollout.levels[0].astype("str"), level=0))


def within_rollouts(scores: pd.DataFrame, measure: Measure) -> pd.DataFrame:
    """By rollout: `squares` of its J judge draws around their mean, on `df` = J - 1, and `inverse` = 1/J."""
    by_rollout = judge_draws(scores, measure).groupby(level=0)
    count = by_rollout.count()
    return pd.DataFrame({"squares": by_rollout.var().fillna(0.0) * (count - 1), "df": count - 1, "inverse": 1 / count})


def noise(run: Run, measure: Measure) -> JudgeNoise:
    """The noise of a measure's judge in every condition of the run."""
    scored = run.measures[["rollout", "condition", "task", "draw", "status", measure.name]].dropna()
    replicates = run.replicates(scored) or [1] * len(scored)
    scored = scored.assign(replicate=replicates).astype({"rollout": "str", "condition": "str", "task": "str"})
    of, by_judge = (rows.set_index("rollout")["condition"] for rows in (scored, judged_rollouts(scored, measure)))
    judged = within_rollouts(run.scores, measure).assign(judged=1)
    cells = scored.groupby(["condition", "task", "replicate"])[measure.name]
    df = cells.count() - 1
    over = pd.DataFrame({"score": cells.var().fillna(0.0) * df, "score_df": df}).groupby(level="condition").sum()
    table = over.join(judged.groupby(by_judge.reindex(judged.index)).sum(), how="left")
    table["n"] = of.value_counts()
    table["largest"] = (scored[measure.name] ** 2).groupby(scored["condition"]).max()
    return JudgeNoise(table, repeats(run, measure.judge), noiseless(run, measure.judge))


def noiseless(run: Run, judge: str) -> bool:
    """Whether a judge asks no model, so that its verdicts are facts."""
    models: dict[str, str | None] = run.meta.get("judges", {})
    return judge in models and models[judge] is None


def once(run: Run, judge: str, table: pd.DataFrame) -> bool:
    """Whether a judge that asks a model gave every rollout of `table` one draw, with its noise in all that varies."""
    return not noiseless(run, judge) and not table.duplicated("rollout").any()


def repeats(run: Run, judge: str) -> str:
    """Why every draw of a judge repeats the first by design; empty where it does not."""
    models: Mapping[str, str | None] = run.meta.get("judges", {})
    return "" if models.get(judge, "") is None else traits(run.meta, judge).repeats
