"""How much of a rollout's score is its judge's noise: from repeated draws of one judge on one rollout."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from agentlab.frames import Run
from agentlab.measures import per_draw
from agentlab.types import Measure

SETTLED = 1e-12
"""A variance below this share of the squared scores is rounding."""


@dataclass(frozen=True, slots=True)
class Noise:
    """A judge's noise in one measure, rollout by rollout."""

    measure: str
    table: pd.DataFrame
    """By rollout: `squares` within it over J judge draws, `df` J - 1, `inverse` 1/J."""
    why: str
    """Why it is not separable from what the agents do; empty where it is."""
    none: bool
    """The judge asks no model, so that it has none."""

    def variance(self, sides: Sequence[pd.DataFrame]) -> float | None:
        """`sigma2_w mean(1/J)`, what it adds to the variance of a score: over these rows of `run.measures`, pooled."""
        if self.none:
            return 0.0
        own = self.table.reindex(pd.concat([side["rollout"] for side in sides]).astype("str")).dropna()
        df = float(own["df"].sum())
        return None if self.why or df == 0 else float(own["squares"].sum()) / df * float(own["inverse"].mean())

    def share(self, sides: Sequence[pd.DataFrame]) -> float | None:
        """Of the variance of a score over draws of one task in one arm, pooled over `sides`; above 1 only by chance.

        None where the noise is not separable, or where no task has two scored draws that differ.
        """
        noise, total = self.variance(sides), _over_draws(self.measure, sides)
        return None if noise is None or total is None else noise / total


def noise(run: Run, measure: Measure) -> Noise:
    """Of every rollout of the run."""
    verdicts = run.scores.rename(columns={"judge_draw": "draw", "draw": "rollout_draw"})
    verdicts = verdicts.astype({"rollout": "str"})
    drawn = per_draw(verdicts, measure).groupby(level=0).agg(["var", "count"])
    df = drawn["count"] - 1
    table = pd.DataFrame({"squares": drawn["var"].fillna(0.0) * df, "df": df, "inverse": 1 / drawn["count"]})
    models: Mapping[str, str | None] = run.meta.get("judges", {})
    return Noise(measure.name, table, _repeats(run, measure.judge), models.get(measure.judge, "") is None)


def _over_draws(measure: str, sides: Sequence[pd.DataFrame]) -> float | None:
    squares, df, size = 0.0, 0, 0.0
    for side in sides:
        there = side.dropna(subset=measure)
        cells = there.groupby(there["task"].astype("str"))[measure].agg(["var", "count"])
        cells = cells[cells["count"] > 1]
        squares += float((cells["var"] * (cells["count"] - 1)).sum())
        df += int((cells["count"] - 1).sum())
        size = max(size, float((there[measure] ** 2).max()) if len(there) else 0.0)
    return squares / df if df and squares > SETTLED * size * df else None


def _repeats(run: Run, judge: str) -> str:
    """Why a judge's draws repeat the first by design; empty where they do not."""
    tree: Mapping[str, Any] = run.meta.get("tree", {})
    document: Mapping[str, Any] = {**tree.get("judges", {}), **run.meta.get("added", {})}.get(judge) or {}
    if document.get("scoring") == "logprobs":
        return "it scores by token probabilities"
    models: Mapping[str, Mapping[str, Any]] = tree.get("models", {})
    settings = [models.get(document.get("model", "judge")) or {}, document.get("settings") or {}]
    asked = [part["temperature"] for part in settings if part.get("temperature") is not None]
    return "it is asked at temperature 0" if asked and asked[-1] == 0 else ""
