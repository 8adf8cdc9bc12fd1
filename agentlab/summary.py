"""What a run says at its end: measures by condition, paired contrasts, what went missing, and what may be concluded.

Numbers only; whoever prints them chooses the layout.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from agentlab.frames import Run
from agentlab.stats.paired import FEWEST_TASKS, Paired, paired
from agentlab.stats.worst import Bounds, bounds
from agentlab.types import Measure


@dataclass(frozen=True, slots=True)
class Arm:
    """One condition. `measures` holds for each measure the mean of task means and its worst-case bounds."""

    condition: str
    rollouts: int
    statuses: dict[str, int]
    measures: dict[str, Bounds]
    delivered: dict[str, float | None]
    """Mean of task means over delivered rollouts only."""
    calls: int
    output_tokens: int
    tokens: int
    cost: float | None
    """US dollars of the agents' calls; None when a price is unknown."""
    dropped: int
    """Messages that bounced, could not be parsed or were cut off."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """One measure compared between two levels of a factor, all else equal: `a - b`, paired by task and draw."""

    factor: str
    a: str
    b: str
    within: str
    """The other factors' levels, empty when there is no other factor."""
    measure: str
    result: Paired
    identical: float
    """Share of the smaller arm's calls with a byte-identical twin in the other arm."""
    token_ratio: float | None
    """Output tokens of a for one of b."""
    suppressed: str
    """Why nothing may be said about who did better; empty when it may."""


@dataclass(frozen=True, slots=True)
class Summary:
    """All of it. `outcomes` counts verdicts by judge and outcome; `anchors` is each rubric judge's line on itself."""

    name: str
    arms: tuple[Arm, ...]
    contrasts: tuple[Contrast, ...]
    outcomes: dict[str, dict[str, int]]
    anchors: dict[str, str]
    notes: tuple[str, ...]
    example: str
    """A rollout of the run, by its coordinates."""


def summarize(run: Run) -> Summary:
    """The summary of a run with at least one finished rollout; an empty one otherwise."""
    rollouts, measures = run.rollouts, run.measures
    reports = run.meta.get("anchors", {})
    arms = tuple(_arm(name, run, rollouts, measures) for name in rollouts["condition"].unique())
    contrasts = tuple(_contrasts(run)) if len(rollouts) else ()
    scores = run.scores[run.scores["rollout"].isin(rollouts["rollout"])]
    outcomes = {str(j): _counts(part["outcome"]) for j, part in scores.groupby("judge", sort=False)}
    anchors = {name: report["text"] for name, report in reports.items()}
    return Summary(
        str(run.meta.get("name", "")), arms, contrasts, outcomes, anchors, tuple(_notes(run, contrasts)), _example(run)
    )


def _example(run: Run) -> str:
    if run.rollouts.empty:
        return ""
    first = run.rollouts.iloc[0]
    return ",".join(f"{name}={first[name]}" for name in ("task", *run.factors, "draw"))


def _counts(column: pd.Series) -> dict[str, int]:
    return {str(name): int(count) for name, count in column.astype("str").value_counts(sort=False).items()}


def _arm(condition: str, run: Run, rollouts: pd.DataFrame, measures: pd.DataFrame) -> Arm:
    rows = (rollouts["condition"] == condition).to_numpy()
    own, scored = rollouts[rows], measures[rows]
    tasks = scored["task"].astype("str").tolist()
    values = {m.name: bounds(scored[m.name].to_numpy(), *_range(m, scored), tasks) for m in run.measured}
    done = scored[scored["status"] == "delivered"]
    by_task = {m.name: done.groupby("task", observed=True)[m.name].mean().mean() for m in run.measured}
    return Arm(
        condition=condition,
        rollouts=len(own),
        statuses=_counts(own["status"]),
        measures=values,
        delivered={name: None if pd.isna(value) else float(value) for name, value in by_task.items()},
        calls=int(own["calls"].sum()),
        output_tokens=int(own["output_tokens"].sum()),
        tokens=int((own["input"] + own["output_tokens"]).sum()),
        cost=None if own["cost"].isna().any() else float(own["cost"].sum()),
        dropped=int(own[["bounced", "unparsed", "truncated"]].to_numpy().sum()),
    )


def _range(measure: Measure, scored: pd.DataFrame) -> tuple[float, float]:
    """Where a value can lie: the measure's range, and values the scenario declares for a status."""
    ends = (*measure.range, *measure.values.values())
    return min(ends), max(ends)


def _contrasts(run: Run) -> list[Contrast]:
    reports = run.meta.get("anchors", {})
    found: list[Contrast] = []
    for factor in run.factors:
        others = [name for name in run.factors if name != factor]
        levels = [level for level in run.meta["factors"][factor] if (run.measures[factor] == level).any()]
        strata = sorted({tuple(map(str, row)) for row in run.conditions[others].itertuples(index=False)}) or [()]
        for a, b in combinations(levels, 2):
            for stratum in strata:
                fixed = dict(zip(others, stratum, strict=True))
                sides = [_side(run, {factor: level, **fixed}) for level in (a, b)]
                if any(side.empty for side in sides):
                    continue
                within = ",".join(f"{name}={level}" for name, level in fixed.items())
                identical, ratio = _identical(run, *sides), _ratio(run, *sides)
                for m in run.measured:
                    result = _compare(m.name, *sides)
                    why = "; ".join(reports.get(m.judge, {}).get("suppressed", ()))
                    found.append(Contrast(factor, a, b, within, m.name, result, identical, ratio, why))
    return found


def _side(run: Run, levels: dict[str, str]) -> pd.DataFrame:
    chosen = np.ones(len(run.measures), dtype=bool)
    for factor, level in levels.items():
        chosen &= (run.measures[factor] == level).to_numpy()
    return run.measures[chosen]


def _compare(measure: str, a: pd.DataFrame, b: pd.DataFrame) -> Paired:
    keys = ["task", "draw"]
    both = a[[*keys, measure]].merge(b[[*keys, measure]], on=keys, suffixes=("_a", "_b"))
    tasks = both["task"].astype("str").tolist()
    return paired(tasks, both["draw"].tolist(), both[f"{measure}_a"].to_numpy(), both[f"{measure}_b"].to_numpy())


def _identical(run: Run, a: pd.DataFrame, b: pd.DataFrame) -> float:
    calls = run.calls.loc[~run.calls["actor"].str.startswith("judge/") & run.calls["error"].isna()]
    keys = ["task", "draw", "actor", "round", "k", "text"]
    one, two = (calls.loc[calls["rollout"].isin(side["rollout"]), keys] for side in (a, b))
    smaller = min(len(one), len(two))
    return len(one.merge(two, on=keys).drop_duplicates()) / smaller if smaller else 0.0


def _ratio(run: Run, a: pd.DataFrame, b: pd.DataFrame) -> float | None:
    spent = run.rollouts.set_index("rollout")["output_tokens"]
    one, two = (float(spent.loc[side["rollout"].astype("str")].mean()) for side in (a, b))
    return one / two if two else None


def _notes(run: Run, contrasts: tuple[Contrast, ...]) -> list[str]:
    notes = _failures(run)
    looks = run.meta.get("looks", [])
    tasks = run.rollouts["task"].nunique()
    if contrasts and tasks < FEWEST_TASKS:
        notes.append(f"{tasks} tasks: every interval is about these tasks; nothing is claimed beyond them.")
    if len(looks) > 1:
        notes.append(f"look {len(looks)} at these contrasts: the intervals are for one look, more looks find more.")
    unsent = run.calls.loc[~run.calls["seeded"], "model"].unique()
    if len(unsent):
        notes.append(f"{', '.join(sorted(map(str, unsent)))} took no seed: those calls are not coupled between arms.")
    unequal = {(c.a, c.b, c.token_ratio) for c in contrasts if _unequal(c)}
    if unequal:
        told = "; ".join(sorted(f"{a} used {ratio:.1f}x the output tokens of {b}" for a, b, ratio in unequal))
        notes.append(f"Compute is not matched: {told}.")
    return notes


def _failures(run: Run) -> list[str]:
    """How many rollouts and verdicts failed, with the first reason of each kind."""
    notes: list[str] = []
    lost = run.rollouts[run.rollouts["status"] == "infrastructure"]
    if len(lost):
        notes.append(f"{len(lost)} rollouts failed; the first: {lost['error'].iloc[0]}")
    errors = run.scores[run.scores["outcome"] == "error"]
    for judge, part in errors.groupby("judge", sort=False):
        notes.append(f"judge {judge}: {len(part)} verdicts failed; the first: {part['reason'].iloc[0]}")
    return notes


def _unequal(contrast: Contrast) -> bool:
    return contrast.token_ratio is not None and not 0.9 <= contrast.token_ratio <= 1.1


def verdict(contrast: Contrast) -> str:
    """What may be concluded from one contrast, in a sentence."""
    c, result = contrast, contrast.result
    if c.suppressed:
        return f"nothing about who did better: {c.suppressed}"
    if result.coupled:
        return "coupled, no test"
    interval = result.tasks_like_these or result.these_tasks
    if result.difference is None or interval is None:
        return "; ".join(result.notes) or "no pair"
    scope = "tasks like these" if result.tasks_like_these else f"these {result.tasks} tasks only"
    if interval.low <= 0 <= interval.high:
        return f"no difference shown ({scope})"
    higher, lower = (c.a, c.b) if result.difference > 0 else (c.b, c.a)
    return f"{higher} scored higher than {lower} ({scope})"
