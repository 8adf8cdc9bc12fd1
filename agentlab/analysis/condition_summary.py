"""What a run says of one condition: how its rollouts ended, its means, and what it used."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd

from agentlab.analysis.measure_summary import MeasureSummary
from agentlab.analysis.outcome_range import outcome_range
from agentlab.analysis.unplayed import due
from agentlab.analysis.unread import levels, unread
from agentlab.runs.frames import Run
from agentlab.stats.arm_mean import ArmMean, arm_mean
from agentlab.stats.bounds import Bounds, bounds
from agentlab.stats.estimate import Estimate

_USED = "status calls input_tokens output_tokens cost steps bounced unparsed truncated output_cut turns_cut".split()
"""The columns of `run.rollouts` that are summed up."""
_NONE = Bounds(None, math.nan, math.nan, 0, 0)
"""Of rollouts at none of which a judge looks."""


@dataclass(frozen=True, slots=True)
class ConditionSummary:
    """One condition. `measures` holds for each measure the mean of task means and its worst-case bounds; of one that is
    suppressed both are missing."""

    condition: str
    rollouts: int
    statuses: dict[str, int]
    measures: dict[str, Bounds]
    means: dict[str, ArmMean]
    """The same means with their intervals, for these tasks and for new tasks, inside the range of the measure; nothing
    of one that is suppressed."""
    right: dict[str, int]
    """Rollouts that are right, of measures that are right or wrong and not suppressed."""
    delivered: dict[str, float | None]
    """Mean of task means over delivered rollouts only; None of a measure that is suppressed, too."""
    calls: int
    output_tokens: int | None
    tokens: int | None
    """Of prompts and replies; None when a reply came without token counts."""
    cost: float | None
    """US dollars of the agents' calls; None when a price or a token count is unknown."""
    stepped: bool
    """Whether it is a baseline: what it used is that of its own steps, without those that were made and left out."""
    dropped: int
    """Messages that bounced, could not be parsed or were cut off."""
    cut: int
    """Outputs that a length limit cut off."""
    turns_cut: int
    """Turns that it ended."""
    unread: dict[str, dict[str, int]]
    """By measure, in how many rollouts its judge read no score, by outcome."""

    @property
    def name(self) -> str:
        """The levels of its factors, without the factors: `firm`, or `firm, plain`."""
        return levels(self.condition)


def condition_summary(run: Run, condition: str, measures: Mapping[str, MeasureSummary]) -> ConditionSummary:
    """Of one condition that has a finished rollout."""
    rows = (run.rollouts["condition"] == condition).to_numpy()
    rollouts, scored = run.rollouts.loc[rows, _USED], run.measures[rows]
    hidden = {name for name, measure in measures.items() if measure.suppressed}
    values, means = _means(run, scored)
    no_estimate = Estimate(None, notes=("suppressed",))
    means |= dict.fromkeys(hidden, ArmMean(no_estimate, no_estimate))
    values |= {name: replace(values[name], observed=None, low=math.nan, high=math.nan) for name in hidden}
    by_task = scored[scored["status"] == "delivered"].groupby("task", observed=True)
    delivered = {m.name: by_task[m.name].mean().mean() for m in run.measured}
    return ConditionSummary(
        condition=condition,
        rollouts=len(rollouts),
        statuses=counts(rollouts["status"]),
        measures=values,
        means=means,
        right={
            name: int((scored[name] == measure.right).sum())
            for name, measure in measures.items()
            if measure.right is not None and name not in hidden
        },
        delivered={
            name: None if pd.isna(value) or name in hidden else float(value) for name, value in delivered.items()
        },
        calls=int(rollouts["calls"].sum()),
        output_tokens=_total(rollouts["output_tokens"]),
        tokens=_total(rollouts["input_tokens"] + rollouts["output_tokens"]),
        cost=None if rollouts["cost"].isna().any() else float(rollouts["cost"].sum()),
        stepped=bool(rollouts["steps"].notna().any()),
        dropped=int(rollouts[["bounced", "unparsed", "truncated"]].to_numpy().sum()),
        cut=int(rollouts["output_cut"].sum()),
        turns_cut=int(rollouts["turns_cut"].sum()),
        unread={name: by_condition[condition] for name, by_condition in unread(run).items()},
    )


def counts(column: pd.Series) -> dict[str, int]:
    """How often each value occurs, in order of appearance."""
    return {str(name): int(count) for name, count in column.astype("str").value_counts(sort=False).items()}


def _means(run: Run, scored: pd.DataFrame) -> tuple[dict[str, Bounds], dict[str, ArmMean]]:
    values, means = dict[str, Bounds](), dict[str, ArmMean]()
    for m in run.measured:
        rows = due(run, m.judge, scored)
        tasks, ends = rows["task"].tolist(), outcome_range(m, rows[m.name])
        values[m.name] = bounds(rows[m.name].to_numpy(), *ends, tasks) if len(rows) else _NONE
        means[m.name] = arm_mean(rows[m.name], tasks, run.clusters, ends, replicates=run.replicates(rows))
    return values, means


def _total(tokens: pd.Series) -> int | None:
    return None if tokens.isna().any() else int(tokens.sum())
