"""Programs on their held-out cases: what became of them on each, and how far they are from what can be reached."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agentlab.analysis.analysis import Analysis
from agentlab.analysis.cells import listed
from agentlab.analysis.row import Row
from agentlab.errors import AnalysisError
from agentlab.runs.frames import Run
from agentlab.runs.frames.measures import by_status, per_draw
from agentlab.stats.components.crossed import crossed
from agentlab.text import pluralize
from agentlab.types import Measure

SHOWN = ("cases", "spread", "limits")
OUTCOMES = ("absent", "crash", "timeout", "format", "error")
SPREAD = (
    "rollouts, cases, rest: components of the variance of a score on one case, from mean squares; cases: some cases "
    "are harder than others for all rollouts of an arm; rest: what neither rollouts nor cases explain"
)
LIMITS = (
    "n: rollouts with both measures; limits: the highest utility that a program can reach on these cases with no more "
    "harm than the arm; `by reading` is an expected value, so a lucky program can exceed it on a few cases"
)


def about_cases(measure: Measure) -> str:
    """What is said wherever another judge would have noise."""
    return (
        f"the score is the mean over {pluralize(measure.cases, 'held-out case')}, the same for all rollouts of a task; "
        f"differences between cases are not judge noise, so no noise is subtracted"
    )


def cases(run: Run, measure: str | None = None) -> Analysis:
    """By measure, arm, task and case. Raises AnalysisError where no judge ran programs.

    Tables: `cases` (mean, and what became of the program), `spread` (variance between rollouts and between cases),
    `limits` (what each arm reached, beside what can be reached at its harm), `frontiers` (the corners of each limit),
    and `points` (each rollout).
    """
    measures = [m for m in run.measured if m.cases and measure in (None, m.name)]
    if not measures:
        named = "" if measure is None else f" by {measure!r}"
        raise AnalysisError(f"{run.folder} has no program that was run on cases{named}; add a judge of kind program")
    tables = {
        "cases": _by_case(run, measures),
        "spread": pd.DataFrame([row for m in measures for row in _spread(run, m)]),
        "limits": limits(run),
        "frontiers": frontiers(run),
        "points": points(run),
    }
    kept = {name: table for name, table in tables.items() if len(table)}
    notes = [f"{m.name}: {about_cases(m)}" for m in measures]
    notes += [SPREAD] if "spread" in kept else []
    notes += [LIMITS] if "limits" in kept else []
    shown = sum(name in kept for name in SHOWN)
    return Analysis("cases", "Programs on held-out cases", _says(run, measures), kept, tuple(notes), shown, _result)


def _says(run: Run, measures: Sequence[Measure]) -> str:
    judges = {m.judge for m in measures}
    verdicts = run.scores[run.scores["judge"].isin(list(judges))].drop_duplicates(["rollout", "judge", "judge_draw"])
    counts = verdicts["outcome"].astype("str").value_counts()
    outcomes = ", ".join(f"{outcome} {count:,}" for outcome, count in counts.items())
    return f"{pluralize(len(verdicts), 'program run')} on held-out cases: {outcomes}."


def _result(tables: Mapping[str, pd.DataFrame]) -> str:
    table = tables.get("limits")
    if table is None:
        return ""
    return f"mean utility of rollouts that have both measures: {listed(table, 'condition', 'utility')}."


def _by_case(run: Run, measures: Sequence[Measure]) -> pd.DataFrame:
    """A row per arm, task, and case, and per judge if there are several: means, and what became of programs, if it did.

    A mean counts what the scenario says a status or an outcome is worth; else cases without a score are left out.
    """
    rows, judges = dict[tuple[str, str, str, int], Row](), {m.judge for m in measures}
    for m in measures:
        verdicts = run.scores[(run.scores["judge"] == m.judge) & run.scores["criterion"].isin(list(m.scales))]
        verdicts = verdicts.astype({"condition": "str", "task": "str", "outcome": "str"})
        values = _values(run, m)
        for (condition, task, case), part in verdicts.groupby(["condition", "task", "judge_draw"], observed=True):
            keys = pd.MultiIndex.from_arrays([part["rollout"].astype("str"), part["judge_draw"]])
            head: Row = {"condition": condition, "task": task, "case": int(str(case)) + 1, "programs": len(part)}
            named: Row = {"judge": m.judge} if len(judges) > 1 else {}
            row = rows.setdefault((m.judge, str(condition), str(task), int(str(case))), named | head)
            row[m.name] = float(values.reindex(keys).mean())
            row |= {f"_{outcome}": int((part["outcome"] == outcome).sum()) for outcome in OUTCOMES}
    order = _order(run)
    table = pd.DataFrame([rows[at] for at in sorted(rows, key=lambda at: (at[0], order[at[1]], *at[2:]))])
    counts = {name: table.pop(name) for name in (f"_{outcome}" for outcome in OUTCOMES)}
    return table.assign(**{name.removeprefix("_"): count for name, count in counts.items() if count.any()})


def _order(run: Run) -> dict[str, int]:
    """The place of each arm."""
    return {str(name): i for i, name in enumerate(run.conditions["condition"])}


def _values(run: Run, m: Measure) -> "pd.Series[float]":
    """The measure by rollout and case, of every case that has a value."""
    verdicts = by_status(run.scores, run.rollouts, m)
    verdicts = verdicts.rename(columns={"draw": "rollout_draw", "judge_draw": "draw"}).astype({"rollout": "str"})
    return per_draw(verdicts, Measure(m.name, m.judge, m.scales, m.range, m.values))


def _spread(run: Run, m: Measure) -> Iterator[Row]:
    values = _values(run, m).unstack()
    values = values[values.notna().sum(axis=1) == m.cases]
    of = run.rollouts.set_index(run.rollouts["rollout"].astype("str"))[["condition", "task"]].astype("str")
    of = of.reindex(values.index)
    of = of.sort_values("condition", key=lambda names: names.map(_order(run)), kind="stable")
    values = values.reindex(of.index)
    for (condition, task), part in values.groupby([of["condition"], of["task"]], sort=False):
        components = crossed(part.to_numpy(dtype=np.float64))
        if not np.isnan(components.rest):
            head: Row = {"measure": m.name, "condition": condition, "task": task, "n": len(part)}
            yield head | {"rollouts": components.rows, "cases": components.columns, "rest": components.rest}


def limits(run: Run) -> pd.DataFrame:
    """A row per arm and task: means of utility and harm, and each limit at that harm. Empty without both."""
    rows, known = list[Row](), frontiers(run)
    scored = points(run)
    for (condition, task), part in scored.groupby(["condition", "task"], sort=False) if len(scored) else ():
        harm = float(part["harm"].mean())
        head: Row = {"condition": condition, "task": task, "n": len(part)}
        head |= {"utility": float(part["utility"].mean()), "harm": harm}
        task_frontiers = known[known["task"] == task] if len(known) else known
        for name, corners in task_frontiers.groupby("limit", sort=False) if len(task_frontiers) else ():
            head[str(name)] = reachable(corners[["harm", "utility"]].to_numpy(), harm)
        rows.append(head)
    return pd.DataFrame(rows)


def points(run: Run) -> pd.DataFrame:
    """A row per rollout with both measures: `condition`, `task`, `draw`, `harm`, `utility`."""
    axes = axes_of(run)
    if axes is None:
        return pd.DataFrame()
    utility, harm = (m.name for m in axes)
    both = run.measures[["condition", "task", "draw", harm, utility]].dropna()
    both = both.rename(columns={harm: "harm", utility: "utility"}).astype({"condition": "str", "task": "str"})
    return both.reset_index(drop=True)


def frontiers(run: Run) -> pd.DataFrame:
    """A row per corner of each limit: `task`, `limit`, `harm`, `utility`, by rising harm; as recorded with the run."""
    recorded: Mapping[str, Any] = run.meta.get("products", {})
    rows: list[Row] = [
        {"task": task, "limit": name, "harm": harm, "utility": utility}
        for task, product in recorded.items()
        for name, corners in product["limits"].items()
        for harm, utility in corners
    ]
    return pd.DataFrame(rows)


def axes_of(run: Run) -> tuple[Measure, Measure] | None:
    """The measures of a program's utility and harm on the product's own scale, from 0 to 1; None without both."""
    measures: dict[str, Measure] = {}
    for m in run.measured:
        if m.cases and len(m.scales) == 1 and m.range == (0.0, 1.0):
            measures.setdefault(next(iter(m.scales)), m)
    return (measures["utility"], measures["harm"]) if {"utility", "harm"} <= measures.keys() else None


def reachable(corners: "NDArray[np.float64]", harm: float) -> float:
    """The most utility with at most this harm, on a concave frontier, (N, 2) by rising harm; NaN below its start."""
    if not len(corners) or harm < corners[0, 0] - 1e-12:
        return float("nan")
    return float(np.interp(harm, corners[:, 0], corners[:, 1]))
