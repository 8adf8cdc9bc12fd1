"""Tries until a verifier accepts: one measure is the verifier, another one says what is right."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from agentlab.analysis.analysis import Analysis
from agentlab.analysis.cells import listed
from agentlab.analysis.row import Row, estimated
from agentlab.analysis.verified import Arm, Check, arms_of, checks_of, numbers
from agentlab.judges import traits
from agentlab.runs.frames import Run
from agentlab.stats.contrasts.paired import FEWEST_TASKS
from agentlab.stats.estimate import Estimate
from agentlab.stats.jackknife import share
from agentlab.stats.passes import one_right, passes
from agentlab.stats.rows import Floats
from agentlab.stats.task_mean import task_mean
from agentlab.stats.verifiers import (
    best_tries,
    on_other_tasks,
    rewards,
    right_within,
    stopped,
    wrong_within,
)
from agentlab.text import pluralize

PENALTIES = (0.0, 1.0, 2.0, 4.0, 8.0)
"""What a wrong result costs, if a right one is worth 1; none is worth 0."""
LEGEND = {
    "one_try": "share of draws that are right",
    "accepts_right": "share of right draws that the verifier accepts",
    "accepts_wrong": "share of wrong draws that the verifier accepts",
    "ceiling": "share of accepted draws that are right, mean over tasks; more tries cannot get above it",
    "right": "the first accepted draw is right",
    "wrong": "the first accepted draw is wrong",
    "none": "no draw is accepted",
    "penalty": "cost of a wrong result, if a right result is worth 1 and no result is worth 0",
    "best_tries": "number of tries with the highest mean reward on these tasks",
    "reward": "mean reward with this number of tries; too high, because it was chosen on the same tasks",
    "on_other_tasks": "mean reward when the number of tries for each task is chosen on the other tasks",
    "reaches": "the arm to compare with, at one try",
    "tries_needed": "fewest tries with which the arm is right as often",
}


def verifiers(
    run: Run,
    weak: str | None = None,
    strong: str | None = None,
    accept: str | None = None,
    penalties: str | None = None,
) -> Analysis:
    """Tries until the measure `weak` accepts, and how often the result is right by `strong`.

    `accept` is the value of `weak` at which a rollout is accepted; without it `weak` must be right or wrong, as
    `strong` must be. `penalties` such as `0,1,4` are the costs of a wrong result. Raises AnalysisError for measures
    that do not fit, share a judge or are suppressed.
    """
    checks = checks_of(run, weak, strong, accept)
    arms, lost = arms_of(run, *checks)
    costs = numbers(penalties, "penalties") if penalties else PENALTIES
    tables = {
        "ceiling": pd.DataFrame([_ceiling(arm) for arm in arms]),
        "tries": pd.DataFrame([row for arm in arms for row in _tries(arm)]),
        "stopping": pd.DataFrame([_stopping(arm, cost) for arm in arms for cost in costs]),
        "crossover": pd.DataFrame(_crossovers(arms)),
    }
    names = [check.measure.name for check in checks]
    draws = min(arm.most for arm in arms)
    says = (
        f"Tries until {names[0]} accepts; {names[1]} says what is right. Exact over all orders of the draws of each "
        f"task ({draws} or more). Intervals are for new tasks."
    )
    notes = [*_notes(run, checks, arms), *lost]
    return Analysis(
        "verifiers", "Tries until a verifier accepts", says, tables, tuple(notes), 4, result=_result, legend=LEGEND
    )


def _result(tables: Mapping[str, pd.DataFrame]) -> str:
    table = tables["ceiling"]
    return (
        f"share right at best, with any number of tries: {listed(table, 'condition', 'ceiling')}." if len(table) else ""
    )


def _ceiling(arm: Arm) -> Row:
    """How good the verifier is, and what no number of tries can exceed."""
    kept = [i for i, task in enumerate(arm.tasks) if task.precision is not None]
    precise: Floats = np.array([arm.tasks[i].precision for i in kept], dtype=np.float64)
    clusters = None if arm.clusters is None else [arm.clusters[i] for i in kept]
    ceiling = _mean(precise, clusters) if kept else None
    right = sum(task.right for task in arm.tasks)
    wrong = sum(task.draws - task.right for task in arm.tasks)
    accepted_right = sum(task.accepted_right for task in arm.tasks)
    accepted = sum(task.accepted for task in arm.tasks)
    return {
        "condition": arm.name,
        "tasks": len(arm.tasks),
        "one_try": float(np.mean([task.right / task.draws for task in arm.tasks])),
        "accepts_right": accepted_right / right if right else None,
        "accepts_wrong": (accepted - accepted_right) / wrong if wrong else None,
        **estimated("ceiling", ceiling),
    }


def _mean(values_t: Floats, clusters: Sequence[int] | None) -> Estimate:
    """With the interval of a share over tasks, as for several tries."""
    rarer = 1 - values_t if values_t.mean() > 0.5 else values_t
    return share(np.stack([values_t, np.ones(len(values_t))], axis=1), 0.95, clusters, rarer)


def _tries(arm: Arm) -> list[Row]:
    sizes = [k for k in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512) if k < arm.most] + [arm.most]
    rows = list[Row]()
    for k in sizes:
        if k == 1:
            right = _of_draws([(task.accepted_right, task.draws) for task in arm.tasks], arm.clusters)
            wrong = _of_draws([(task.accepted - task.accepted_right, task.draws) for task in arm.tasks], arm.clusters)
        else:
            right, wrong = (
                _mean(np.array([within(task, k) for task in arm.tasks]), arm.clusters)
                for within in (right_within, wrong_within)
            )
        none = 1 - float(np.mean([stopped(task, k) for task in arm.tasks]))
        row: Row = {"condition": arm.name, "tries": k}
        rows.append(row | estimated("right", right) | estimated("wrong", wrong) | {"none": none})
    return rows


def _of_draws(tasks: Sequence[tuple[int, int]], clusters: Sequence[int] | None) -> Estimate:
    """The mean of single draws, of which in each task so many count out of all: as in the analysis `passes`."""
    return passes([(counted, draws - counted) for counted, draws in tasks], 1, one_right, clusters=clusters).new_tasks


def _stopping(arm: Arm, penalty: float) -> Row:
    table = np.stack([rewards(task, penalty, arm.most) for task in arm.tasks])
    best = best_tries(table)
    row: Row = {"condition": arm.name, "penalty": penalty, "best_tries": best, "reward": float(table[:, best].mean())}
    if len(set(arm.clusters or range(len(arm.tasks)))) < 2:
        return row | {"on_other_tasks": None}
    fair = on_other_tasks(table, arm.clusters)
    mean = task_mean(fair, arm.clusters)
    if mean.units < FEWEST_TASKS or mean.se <= 0:
        return row | {"on_other_tasks": mean.value}
    interval = mean.interval()  # by t, which does not know that rewards end at -penalty and 1
    limits = {"on_other_tasks_low": max(interval.low, -penalty), "on_other_tasks_high": min(interval.high, 1.0)}
    return row | {"on_other_tasks": mean.value, **limits}


def _crossovers(arms: Sequence[Arm]) -> list[Row]:
    """For each arm whose single try is right less often than another's: the tries that make up for it."""
    single = {arm.name: float(np.mean([task.right / task.draws for task in arm.tasks])) for arm in arms}
    rows = list[Row]()
    for arm in arms:
        means = [float(np.mean([right_within(task, k) for task in arm.tasks])) for k in range(arm.most + 1)]
        for other in arms:
            if single[arm.name] < single[other.name]:
                needed = next((k for k, mean in enumerate(means) if mean >= single[other.name]), None)
                rows.append(
                    {
                        "condition": arm.name,
                        "reaches": other.name,
                        "single": single[other.name],
                        "tries_needed": needed,
                        "outcome": "reached" if needed else f"not within {pluralize(arm.most, 'try', 'tries')}",
                    }
                )
    return rows


def _notes(run: Run, checks: Sequence[Check], arms: Sequence[Arm]) -> list[str]:
    weak, strong = (check.measure for check in checks)
    side = "more" if checks[0].sign > 0 else "less"
    notes = [f"{weak.name} accepts a draw with a value of {checks[0].least:g} or {side}"]
    if not traits(run.meta, strong.judge).repeats:
        notes.append(f"{strong.name} is judged by a model, and its errors count as truth")
    most = " or ".join(str(size) for size in sorted({arm.most for arm in arms}))
    notes.append(f"if best tries is {most}, more tries may be better: the run has no more draws")
    for arm in arms:
        never = sum(task.precision is None for task in arm.tasks)
        if never:
            known = sum(task.precision or 0.0 for task in arm.tasks)
            low, high = known / len(arm.tasks), (known + never) / len(arm.tasks)
            notes.append(
                f"{arm.name}: nothing was accepted on {pluralize(never, 'task')}, which the ceiling leaves out; with "
                f"them it is between {low:.3f} and {high:.3f}"
            )
    return notes
