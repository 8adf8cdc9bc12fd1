"""What each arm attains of two measures at best, and which arm dominates which, at one number of rollouts for all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agentlab.analysis.analysis import Analysis
from agentlab.analysis.cells import listed
from agentlab.analysis.components.judge_noise import repeats
from agentlab.analysis.contrasts.rejected import SELECTED, rejected_apart
from agentlab.analysis.direction import better, goal
from agentlab.analysis.remarks import by_reason
from agentlab.analysis.suppressed import suppressed
from agentlab.errors import AnalysisError
from agentlab.runs.frames import Run
from agentlab.runs.frames.clusters import cluster_codes
from agentlab.runs.frames.measures import by_status, per_draw
from agentlab.stats.contrasts.paired import FEWEST_TASKS
from agentlab.stats.frontier import TaskScores, attained, dominance, on_frontier, units_of
from agentlab.stats.jackknife import Clusters
from agentlab.text import pluralize
from agentlab.types import Measure

Array = NDArray[np.float64]
STEPS = 11
"""Values of the first measure at which a frontier is read."""
DIGITS = 12


@dataclass(frozen=True, slots=True)
class Axis:
    """One of the two measures; `sign` is 1 where more is better, else -1."""

    measure: Measure
    sign: int

    @property
    def name(self) -> str:
        return self.measure.name

    @property
    def worst(self) -> float:
        """The end of the range that nobody wants, turned so that more is better."""
        return min(self.sign * end for end in self.measure.range)


def frontier(run: Run, axes: str | None = None) -> Analysis:
    """The frontiers of all arms in two measures, `axes` such as `misalignment,utility`.

    Raises AnalysisError for measures that are not there, have no better direction or a judge that cannot tell who did
    better, and where judges have one draw, so that who is best would be chosen and placed by the same luck.
    """
    x, y = (_axis(run, name) for name in _named(run, axes))
    why = {axis.name: suppressed(run, axis.measure.judge) for axis in (x, y)}
    if reasons := [f"{name}: suppressed: {reason}" for name, reason in why.items() if reason]:
        raise AnalysisError(f"no conclusion about which arm did better; {by_reason(reasons)}")
    halves = {axis.name: _halves(run, axis) for axis in (x, y)}
    both = halves[x.name].add_suffix("_x").join(halves[y.name].add_suffix("_y"), how="inner")
    table = run.rollouts[["rollout", "condition", "task"]].merge(both, left_on="rollout", right_index=True)
    if table.empty:
        raise AnalysisError(f"{run.folder} has no rollout scored on both {x.name} and {y.name}")
    kept, size = _balanced(table)
    arms = [str(name) for name in run.conditions["condition"] if (kept["condition"] == name).any()]
    clusters = cluster_codes(run.clusters, _tasks(kept))
    parts = [_band(kept[kept["condition"] == arm], arm, (x, y), size, clusters) for arm in arms]
    bands = pd.concat(parts, ignore_index=True)
    tasks = int(kept["task"].nunique())
    over = f"{pluralize(len(arms), 'arm')} on {pluralize(tasks, 'task')}"
    says = (
        f"The best {y.name} at each {x.name} that {pluralize(size, 'rollout')} can attain, for {over}; one half of "
        f"the judge draws chooses the best rollouts, and the other half places them."
    )
    units = units_of(tasks, clusters)
    few = pluralize(tasks, "task") + (f" in {pluralize(units, 'cluster')}" if units < tasks else "")
    unit = "tasks" if clusters is None else "clusters"
    notes = [
        f"{few}: no band and no probability of means; both need at least {FEWEST_TASKS} {unit}"
        if units < FEWEST_TASKS
        else ""
    ]
    lost = len(run.rollouts) - len(table)
    notes.append(f"{pluralize(lost, 'rollout')} not scored on both measures excluded" if lost else "")
    notes.append(
        f"The half that chooses reaches the stated {x.name}; `placed` is the mean {x.name} of the chosen rollouts in "
        f"the other half: where it is worse, a noisy judge makes the frontier look too good"
    )
    notes.append(SELECTED if rejected_apart(run.rollouts) else "")
    notes += [_dropped(table, kept), *(_copied(run, axis) for axis in (x, y))]
    about = {"arms": _arms(kept, arms, (x, y), clusters), "dominance": _dominance(kept, arms, clusters)}
    tables = {"arms": about["arms"], "band": bands, "dominance": about["dominance"]}
    return Analysis("frontier", f"{y.name} against {x.name}", says, tables, tuple(filter(None, notes)), result=_result)


def _result(tables: Mapping[str, pd.DataFrame]) -> str:
    """The chance of each arm to be on the frontier, where there are enough tasks for it."""
    arms = tables["arms"]
    known = "on_frontier" in arms and arms["on_frontier"].notna().any()
    return f"chance to be on the frontier: {listed(arms, 'condition', 'on frontier')}." if known else ""


def _named(run: Run, axes: str | None) -> tuple[str, str]:
    names = (
        [name.strip() for name in axes.split(",")]
        if axes
        else [n for n in ("misalignment", "utility") if n in _known(run)]
    )
    if axes is None and len(names) < 2:
        names = [m.name for m in run.measured if m.target is not None][:2]
    if len(names) != 2 or not set(names) <= set(_known(run)) or names[0] == names[1]:
        known = ", ".join(_known(run))
        takes = f"{run.folder}: a frontier takes two measures"
        if len(_known(run)) < 2:
            only = f"only {known}" if known else "none"
            raise AnalysisError(f"{takes}, and this run has {only}; add another measure, and run again")
        if not axes:
            right = f"add `target: 1` (or 0, whichever is better) to two of {known}"
            raise AnalysisError(f"{takes} with a `target`; {right}")
        raise AnalysisError(f"{takes}, found {axes}; name two of them with --axes: {known}")
    return names[0], names[1]


def _known(run: Run) -> list[str]:
    return [m.name for m in run.measured]


def _axis(run: Run, name: str) -> Axis:
    m = next(m for m in run.measured if m.name == name)
    sign = better(m)
    if sign is None and m.target is not None:
        raise AnalysisError(
            f"measures.{name}: its target {m.target:g} is the middle of its range, so neither end is better"
        )
    if sign is None:
        raise AnalysisError(f"measures.{name} has no `target`, so no direction is better; add {goal(m)}")
    return Axis(m, sign)


def _halves(run: Run, axis: Axis) -> pd.DataFrame:
    """By rollout, the measure by either half of the judge draws (0 and 1), turned so that more is better.

    A judge that asks no model errs by nothing: both halves are all its draws.
    """
    verdicts = by_status(run.scores, run.rollouts, axis.measure)
    draws = per_draw(verdicts.rename(columns={"draw": "of", "judge_draw": "draw"}), axis.measure)
    certain = run.meta.get("judges", {}).get(axis.measure.judge) is None
    if not certain and draws.index.get_level_values(1).nunique() < 2:
        raise AnalysisError(
            f"judge {axis.measure.judge!r} judged every rollout once, so the same noise would choose and place the "
            f"best rollouts; set `draws: 2` or more under judges.{axis.measure.judge} and run again"
        )
    halves = [draws if certain else draws[draws.index.get_level_values(1) % 2 == half] for half in (0, 1)]
    # rounded, so that a score at a threshold is not below it by the last bit
    by_half = [(axis.sign * half.groupby(level=0, observed=True).mean()).round(DIGITS) for half in halves]
    return pd.DataFrame(dict(enumerate(by_half))).dropna()


def _copied(run: Run, axis: Axis) -> str:
    why = repeats(run, axis.measure.judge)
    return f"{axis.name}: {why}, so the same judge error would choose and place the best rollouts" if why else ""


def _balanced(table: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """The tasks that every arm has, and the smallest number of rollouts of any arm on any of them."""
    sizes = table.groupby(["task", "condition"], observed=True).size().unstack()
    whole = sizes.dropna()
    if whole.empty:
        raise AnalysisError("no task has a scored rollout of every arm; a frontier compares arms on the same tasks")
    return table[table["task"].isin(whole.index)], int(whole.to_numpy().min())


def _dropped(table: pd.DataFrame, kept: pd.DataFrame) -> str:
    lost = table["task"].nunique() - kept["task"].nunique()
    return f"{pluralize(lost, 'task')} excluded, because an arm has no scored rollout on them" if lost else ""


def _tasks(kept: pd.DataFrame) -> list[str]:
    """In the order of `_by_task`, which is the same for all arms: each has every task."""
    return [str(task) for task, rows in kept.groupby("task", observed=True).indices.items() if len(rows)]


def _band(rollouts: pd.DataFrame, arm: str, axes: tuple[Axis, Axis], size: int, clusters: Clusters) -> pd.DataFrame:
    x, y = axes
    tasks = [TaskScores(*part) for part in zip(_by_task(rollouts, "x"), _by_task(rollouts, "y"), strict=True)]
    ends = sorted(x.sign * end for end in x.measure.range)
    at = np.linspace(ends[0], ends[1], STEPS).round(DIGITS)
    curve = attained(tasks, at, y.worst, size, clusters=clusters)
    low, high = (curve.low, curve.high) if y.sign > 0 else (-curve.high, -curve.low)
    return pd.DataFrame(
        {
            "condition": arm,
            x.name: at * x.sign,
            y.name: curve.value * y.sign,
            "low": low,
            "high": high,
            "reached": curve.reached,
            "placed": curve.placed * x.sign,
            "rollouts": size,
        }
    )


def _by_task(rollouts: pd.DataFrame, axis: str) -> list[Array]:
    """Task by task, one measure of every rollout by both halves of its judge draws, of shape (rollouts, 2)."""
    halves: Array = rollouts[[f"0_{axis}", f"1_{axis}"]].to_numpy(dtype=np.float64)
    return [halves[rows] for rows in rollouts.groupby("task", observed=True).indices.values() if len(rows)]


def _points(rollouts: pd.DataFrame) -> list[Array]:
    """Task by task, both measures of every rollout by all its judge draws."""
    axes = zip(_by_task(rollouts, "x"), _by_task(rollouts, "y"), strict=True)
    return [np.column_stack([x.mean(axis=1), y.mean(axis=1)]) for x, y in axes]


def _arms(kept: pd.DataFrame, arms: Sequence[str], axes: tuple[Axis, Axis], clusters: Clusters) -> pd.DataFrame:
    means = np.array([[task.mean(axis=0) for task in _points(kept[kept["condition"] == arm])] for arm in arms])
    chances = on_frontier(means.swapaxes(0, 1), np.random.default_rng(0), clusters)
    of_arms = means.mean(axis=1)
    return pd.DataFrame(
        {
            "condition": arms,
            **{axis.name: of_arms[:, i] * axis.sign for i, axis in enumerate(axes)},
            "on_frontier": np.full(len(arms), np.nan) if chances is None else chances,
            "tasks": int(kept["task"].nunique()),
            "rollouts": [int((kept["condition"] == arm).sum()) for arm in arms],
        }
    )


def _dominance(kept: pd.DataFrame, arms: Sequence[str], clusters: Clusters) -> pd.DataFrame:
    """For each pair of arms, how often a rollout of one is better in both measures, and the same of means."""
    points: Mapping[str, list[Array]] = {arm: _points(kept[kept["condition"] == arm]) for arm in arms}
    rows: list[dict[str, object]] = []
    for a, b in combinations(arms, 2):
        result = dominance(points[a], points[b], clusters)
        rows.append(
            {
                "a": a,
                "b": b,
                "a_dominates": result.first,
                "b_dominates": result.second,
                "mean_of_a_dominates": result.first_means,
                "mean_of_b_dominates": result.second_means,
                "tasks": result.tasks,
            }
        )
    return pd.DataFrame(rows)
