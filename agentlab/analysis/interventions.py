"""What a change to a log does to its outcome: agents swapped, messages dropped or edited, against placebo forks."""

import pandas as pd

from agentlab.analysis.analysis import Analysis
from agentlab.analysis.forks import measured, outcomes
from agentlab.errors import AnalysisError
from agentlab.frames import Run
from agentlab.stats.intervention import Effect, effect
from agentlab.stats.paired import Interval

_PLACE = ["parent", "at", "fork"]


def interventions(run: Run, measure: str | None = None) -> Analysis:
    """A row per condition, measure, change and cut: changed forks minus placebo forks of the same cut and index.

    Raises AnalysisError when the run has no changed forks.
    """
    rows: list[dict[str, object]] = []
    notes: dict[str, None] = {"a change is compared with plain forks of the same cut, never with the parent": None}
    for m in measured(run, measure):
        forks = outcomes(run, m)
        found = forks.table
        if forks.missing:
            notes[f"{m.name}: {forks.missing} forks of the run have no outcome, and their pairs are left out"] = None
        changed, placebo = found[found["change"] != ""], found.loc[found["change"] == "", [*_PLACE, "value"]]
        pairs = changed.merge(placebo, on=_PLACE, how="left", suffixes=("", "_placebo"))
        for (condition, change, at), part in pairs.groupby(["condition", "change", "at"], sort=False):
            told = effect(part["task"].tolist(), part["parent"].tolist(), part["value"], part["value_placebo"])
            head = {"condition": condition, "measure": m.name, "change": change, "at": at}
            rows.append({**head, **_row(told)})
            notes |= dict.fromkeys(f"{condition}, {m.name}, {change} at {at}: {note}" for note in told.notes)
    if not rows:
        raise AnalysisError(
            f"{run.folder} has no changed forks; `agentlab resample {run.folder} --swap AGENT=MODEL`, `--drop MESSAGE` "
            "and `--edit MESSAGE` draw them, with placebo forks"
        )
    table = pd.DataFrame(rows)
    if table["change"].str.startswith(("drop", "edit")).any() and (table["parents"] > 1).any():
        notes[
            "a message is named by its index in each parent's own log: the same index need not be the same message"
        ] = None
    return Analysis("interventions", "Effects of changes", _says(table), {"effects": table}, tuple(notes))


def _row(told: Effect) -> dict[str, object]:
    scopes = {
        "these_rollouts": told.these_parents,
        "these_tasks": told.these_tasks,
        "tasks_like_these": told.tasks_like_these,
    }
    ends = {f"{scope}_{end}": value for scope, found in scopes.items() for end, value in _ends(found).items()}
    widest = told.tasks_like_these or told.these_tasks or told.these_parents
    counts = {"parents": told.parents, "tasks": told.tasks, "pairs": told.pairs, "dropped": told.dropped}
    means = {"changed": told.treated, "placebo": told.placebo}
    return {"difference": told.difference, **ends, "p": widest and widest.p, **means, **counts}


def _ends(interval: Interval | None) -> dict[str, float | None]:
    return {"low": interval and interval.low, "high": interval and interval.high}


def _says(table: pd.DataFrame) -> str:
    told = int((table["p"] < 0.05).sum())
    pairs = int(table["pairs"].sum())
    return (
        f"Of {len(table)} effects over {pairs} pairs of forks, {told} at p < .05, each by itself, by "
        "the widest interval that its number of tasks and parents allows."
    )
