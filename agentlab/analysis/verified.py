"""The verifier and the truth that `agentlab stats RUN verifiers` compares, as counts of each task."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from agentlab.analysis.direction import better
from agentlab.analysis.suppressed import suppressed
from agentlab.errors import AnalysisError
from agentlab.runs.frames import Run
from agentlab.runs.frames.clusters import cluster_codes
from agentlab.stats.verifiers import Verified
from agentlab.text import pluralize
from agentlab.types import Measure


@dataclass(frozen=True, slots=True)
class Check:
    """One of the two measures; a rollout passes it at `least` or better."""

    measure: Measure
    sign: int
    least: float

    def passed(self, values: pd.Series) -> pd.Series:
        """Which values pass."""
        return self.sign * values >= self.sign * self.least - 1e-12


@dataclass(frozen=True, slots=True)
class Arm:
    """One condition: the counts of its tasks, and their clusters."""

    name: str
    tasks: tuple[Verified, ...]
    clusters: tuple[int, ...] | None

    @property
    def most(self) -> int:
        """Draws that every task has."""
        return min(task.draws for task in self.tasks)


def checks_of(run: Run, weak: str | None, strong: str | None, accept: str | None) -> tuple[Check, Check]:
    """The verifier and the truth, by the names of measures. Raises AnalysisError where they do not fit."""
    names = [m.name for m in run.measured]
    if len({m.judge for m in run.measured}) < 2:
        raise AnalysisError(
            f"{run.folder} needs two measures of different judges: one that accepts, and one that says what is right"
        )
    if weak is None or strong is None:
        raise AnalysisError(
            f"{run.folder}: name the measure that accepts and the one that says what is right: --weak NAME --strong "
            f"NAME, from {', '.join(names) or 'none'}"
        )
    for name in (weak, strong):
        if name not in names:
            raise AnalysisError(f"{run.folder} has no measure {name!r}; it has {', '.join(names) or 'none'}")
    measures = {m.name: m for m in run.measured}
    if measures[weak].judge == measures[strong].judge:
        raise AnalysisError(
            f"{weak} and {strong} have the same judge, {measures[weak].judge}: a verifier cannot be tested by its own "
            f"verdicts; name a measure of another judge"
        )
    for name in (weak, strong):
        if why := suppressed(run, measures[name].judge):
            raise AnalysisError(f"{name}: suppressed: {why}")
    least = None if accept is None else numbers(accept, "accept")[0]
    return _check(run, measures[weak], least, True), _check(run, measures[strong], None, False)


def _check(run: Run, measure: Measure, least: float | None, accepts: bool) -> Check:
    sign = better(measure) or 1
    best = max(measure.range, key=lambda end: sign * end)
    values = set(run.measures[measure.name].dropna())
    if least is None and not values <= set(measure.range):
        hint = (
            "; give the value at which it accepts: --accept VALUE"
            if accepts
            else f"; a `match` judge gives such a measure: agentlab judge {run.folder} --with final_number"
        )
        raise AnalysisError(f"{measure.name} has values other than right and wrong{hint}")
    return Check(measure, sign, best if least is None else least)


def numbers(text: str, option: str) -> tuple[float, ...]:
    """Those that an option lists. Raises AnalysisError for anything else."""
    try:
        listed = tuple(float(part) for part in text.split(","))
    except ValueError:
        listed = ()
    if not listed or not all(np.isfinite(listed)) or (option == "penalties" and min(listed) < 0):
        raise AnalysisError(f"--{option} {text}: give numbers{' from 0' if option == 'penalties' else ''}, such as 0,1")
    return listed


def arms_of(run: Run, weak: Check, strong: Check) -> tuple[list[Arm], list[str]]:
    """Every condition with a task, and what is left out."""
    names = [check.measure.name for check in (weak, strong)]
    table = run.rollouts[["rollout", "condition", "task"]].merge(run.measures[["rollout", *names]], on="rollout")
    both = table.dropna(subset=names)
    arms, lost = list[Arm](), list[str]()
    for condition in run.conditions["condition"].astype("str"):
        scored = both[both["condition"].astype("str") == condition]
        missing = int((table["condition"].astype("str") == condition).sum()) - len(scored)
        if missing:
            lost.append(f"{condition}: {pluralize(missing, 'rollout')} without a score by both measures left out")
        tasks: dict[str, Verified] = {}
        for task, rows in scored.groupby("task", sort=False, observed=True):
            accepted, right = weak.passed(rows[names[0]]), strong.passed(rows[names[1]])
            tasks[str(task)] = Verified(len(rows), int(accepted.sum()), int(right.sum()), int((accepted & right).sum()))
        if tasks:
            codes = cluster_codes(run.clusters, tasks)
            arms.append(Arm(condition, tuple(tasks.values()), None if codes is None else tuple(map(int, codes))))
    if not arms:
        raise AnalysisError(f"{run.folder} has no rollout with a score by both {names[0]} and {names[1]}")
    return arms, lost
