"""Programs on their held-out cases: what became of them on each, and how far they are from what can be reached."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from agentlab.analysis.analysis import Analysis
from agentlab.analysis.cells import listed
from agentlab.analysis.row import Row
from agentlab.errors import AnalysisError
from agentlab.runs.frames import Run
from agentlab.runs.frames.measures import judged_rollouts, per_draw
from agentlab.stats.components.crossed import crossed
from agentlab.text import pluralize
from agentlab.types import Measure

OUTCOMES = ("absent", "crash", "timeout", "format", "error")
SPREAD = (
    "rollouts, cases, rest: variances of a score on one case, by mean squares; cases is how much harder some cases are "
    "than others for all rollouts of an arm, and rest is what is left of single rollouts on single cases"
)
LIMITS = (
    "n: rollouts with both measures; a limit is the most utility that programs can reach on these cases with at most "
    "the arm's harm; `by reading` is in expectation, so that luck can beat it on a few cases"
)


def about_cases(measure: Measure) -> str:
    """What is said wherever another judge would have noise."""
    return (
        f"the score is the mean over {pluralize(measure.cases, 'held-out case')}, the same for all rollouts of a task; "
        f"cases differ, which is case variance and not judge noise, so nothing is subtracted"
    )


def cases(run: Run, measure: str | None = None) -> Analysis:
    """By measure, arm, task and case. Raises AnalysisError where no judge ran programs.

    Tables: `cases` (mean, and what became of the program), `spread` (variance between rollouts and between cases), and
    `limits` (what each arm reached, beside what can be reached at its harm).
    """
    found = [m for m in run.measured if m.cases and measure in (None, m.name)]
    if not found:
        named = "" if measure is None else f" by {measure!r}"
        raise AnalysisError(f"{run.folder} has no programs that were run on cases{named}; a judge of kind program does")
    tables = {
        "cases": pd.DataFrame([row for m in found for row in _by_case(run, m)]),
        "spread": pd.DataFrame([row for m in found for row in _spread(run, m)]),
        "limits": limits(run),
    }
    kept = {name: table for name, table in tables.items() if len(table)}
    notes = [f"{m.name}: {about_cases(m)}" for m in found]
    notes += [SPREAD] if "spread" in kept else []
    notes += [LIMITS] if "limits" in kept else []
    return Analysis("cases", "Programs on held-out cases", _says(run, found), kept, tuple(notes), 3, _result)


def _says(run: Run, found: Sequence[Measure]) -> str:
    judges = {m.judge for m in found}
    own = run.scores[run.scores["judge"].isin(list(judges))].drop_duplicates(["rollout", "judge", "judge_draw"])
    counts = own["outcome"].astype("str").value_counts()
    told = ", ".join(f"{outcome} {count:,}" for outcome, count in counts.items())
    return f"{pluralize(len(own), 'program run')} on held-out cases: {told}."


def _result(tables: Mapping[str, pd.DataFrame]) -> str:
    table = tables.get("limits")
    return f"utility reached: {listed(table, 'condition', 'utility')}." if table is not None else ""


def _by_case(run: Run, m: Measure) -> Iterator[Row]:
    """The mean counts what the scenario says an outcome is worth; without that, cases without a score are left out."""
    own = run.scores[(run.scores["judge"] == m.judge) & run.scores["criterion"].isin(list(m.scales))]
    own = own[own["rollout"].isin(judged_rollouts(run.rollouts, m)["rollout"])]
    own = own.astype({"condition": "str", "task": "str", "outcome": "str"})
    values = _values(run, m)
    order = {name: i for i, name in enumerate(run.conditions["condition"].astype("str"))}
    own = own.assign(_place=own["condition"].map(order)).sort_values(["_place", "task", "judge_draw"], kind="stable")
    for (condition, task, case), part in own.groupby(["condition", "task", "judge_draw"], sort=False, observed=True):
        keys = pd.MultiIndex.from_arrays([part["rollout"].astype("str"), part["judge_draw"]])
        head: Row = {"measure": m.name, "condition": condition, "task": task, "case": int(str(case)) + 1}
        head |= {"programs": len(part), "mean": float(values.reindex(keys).mean())}
        yield head | {outcome: int((part["outcome"] == outcome).sum()) for outcome in OUTCOMES}


def _values(run: Run, m: Measure) -> "pd.Series[float]":
    """The measure by rollout and case, of every case that has a value."""
    verdicts = run.scores.rename(columns={"draw": "rollout_draw", "judge_draw": "draw"}).astype({"rollout": "str"})
    return per_draw(verdicts, Measure(m.name, m.judge, m.scales, m.range, m.values))


def _spread(run: Run, m: Measure) -> Iterator[Row]:
    values = _values(run, m).unstack()
    values = values[values.notna().sum(axis=1) == m.cases]
    of = run.rollouts.set_index(run.rollouts["rollout"].astype("str"))[["condition", "task"]].astype("str")
    of = of.reindex(values.index)
    for (condition, task), part in values.groupby([of["condition"], of["task"]], sort=False):
        found = crossed(part.to_numpy(dtype=np.float64))
        if not np.isnan(found.rest):
            head: Row = {"measure": m.name, "condition": condition, "task": task, "n": len(part)}
            yield head | {"rollouts": found.rows, "cases": found.columns, "rest": found.rest}


def limits(run: Run) -> pd.DataFrame:
    """A row per arm and task: means of utility and harm, and each limit at that harm. Empty without both."""
    axes, rows = axes_of(run), list[Row]()
    recorded: Mapping[str, Any] = run.meta.get("products", {})
    if axes is None:
        return pd.DataFrame()
    utility, harm = axes
    both = run.measures[["condition", "task", utility.name, harm.name]].dropna()
    both = both.astype({"condition": "str", "task": "str"})
    for (condition, task), part in both.groupby(["condition", "task"], sort=False):
        least = float(part[harm.name].mean())
        head: Row = {"condition": condition, "task": task, "n": len(part)}
        head |= {"utility": float(part[utility.name].mean()), "harm": least}
        known: Mapping[str, Any] = recorded.get(str(task), {}).get("limits", {})
        rows.append(head | {name: reachable(points, least) for name, points in known.items()})
    return pd.DataFrame(rows)


def axes_of(run: Run) -> tuple[Measure, Measure] | None:
    """The measures of a program's utility and harm on the product's own scale, from 0 to 1; None without both."""
    found: dict[str, Measure] = {}
    for m in run.measured:
        if m.cases and len(m.scales) == 1 and m.range == (0.0, 1.0):
            found.setdefault(next(iter(m.scales)), m)
    return (found["utility"], found["harm"]) if {"utility", "harm"} <= found.keys() else None


def reachable(points: Sequence[Sequence[float]], harm: float) -> float:
    """The most utility with at most this harm, on a concave frontier of (harm, utility); NaN below its least harm."""
    if not points or harm < points[0][0] - 1e-12:
        return float("nan")
    across, up = zip(*points, strict=True)
    return float(np.interp(harm, across, up))
