"""What a change to a log does to its outcome: agents swapped, messages dropped or edited, against plain forks."""

from collections.abc import Mapping, Sequence

import pandas as pd

from agentlab.analysis.analysis import Analysis
from agentlab.analysis.cells import listed
from agentlab.analysis.forks.outcomes import measured, outcomes
from agentlab.analysis.forks.unscored import unscored
from agentlab.analysis.outcome_range import outcome_range
from agentlab.analysis.row import ends
from agentlab.engine.intervention import stored
from agentlab.errors import AnalysisError
from agentlab.runs.frames import Run
from agentlab.runs.frames.forks import exhausted
from agentlab.stats.forks.intervention import InterventionEffect, effect
from agentlab.text import pluralize
from agentlab.types import Measure

_PLACE = ["parent", "against", "fork"]
_EFFECT = ["condition", "measure", "change", "at"]
_BY_INDEX = (
    "A message is identified by its index in each parent's log: the same index may be a different message in another "
    "parent"
)
_ALIKE = 3
"""Effects with one note that are still named."""


def interventions(run: Run, measure: str | None = None) -> Analysis:
    """A row per condition, measure, change and cut: changed forks minus plain forks of the same cut and index.

    The plain forks of a turn that was redrawn are those that keep it, cut at the end of its round.
    `effects`: each difference with the widest interval that its tasks and parents allow. `intervals`: all of them, both
    means and what they rest on. Raises AnalysisError when the run has no changed forks.
    """
    rows, lacking = list[dict[str, object]](), dict[str, list[str]]()
    notes: dict[str, None] = {"A change is compared with plain forks of the same cut, never with the parent": None}
    if lost := int(exhausted(run.forks).sum()):
        notes[
            f"In {pluralize(lost, 'fork')}, a turn ran out of tries; they are left out, so effects of `until` are "
            f"those of the other forks"
        ] = None
    for m in measured(run, measure):
        pairs, missing = paired_forks(run, m)
        if missing:
            lost = pluralize(missing, "fork")
            notes[f"{m.name}: {lost} of the run without an outcome; pairs that include them are excluded"] = None
        low, high = outcome_range(m, run.forks[m.name])
        for (condition, change, at), part in pairs.groupby(["condition", "change", "at"], sort=False):
            places, values = (part["task"].tolist(), part["parent"].tolist()), (part["value"], part["value_plain"])
            result = effect(*places, *values, clusters=run.clusters, most=high - low)
            head = dict(zip(_EFFECT, (condition, m.name, change, at), strict=True))
            rows.append({**head, **_row(result)})
            lost = [f"{result.dropped} changed forks without a counterpart or an outcome"] if result.dropped else []
            for note in (*result.notes, *lost):
                lacking.setdefault(note, []).append(f"{condition}, {m.name}, {change} at {at}")
    if not rows and (why := [*unscored(run)]):
        raise AnalysisError(f"{run.folder} has no changed fork with a score. {' '.join(why)}")
    if not rows:
        raise AnalysisError(
            f"{run.folder} has no changed forks; `agentlab resample {run.folder} --swap AGENT=MODEL`, `--drop MESSAGE` "
            "and `--edit MESSAGE` draw them, with plain forks"
        )
    table = pd.DataFrame(rows)
    changes = [stored(text) for text in table["change"].unique()]
    if any(change is not None and change.in_transit for change in changes) and (table["parents"] > 1).any():
        notes[_BY_INDEX] = None
    columns = ["difference", "low", "high", "about", "p"]
    tables = {"effects": table[[*_EFFECT, *columns, "pairs"]], "intervals": table.drop(columns=columns)}
    return Analysis(
        "interventions", "Effects of changes", _says(table), tables, (*notes, *_lacking(lacking)), result=_result
    )


def paired_forks(run: Run, measure: Measure) -> tuple[pd.DataFrame, int]:
    """Changed forks with `value`, and as `value_plain` that of the plain fork of the same cut and index; and how many
    forks have no outcome. Of a turn that was redrawn, plain forks are those that keep it, cut after its round."""
    forks = outcomes(run, measure)
    table = forks.table
    redrawn = table["change"].astype("str").str.startswith("until ")
    table = table.assign(against=table["at"].mask(redrawn, table["round"].astype("str")))
    changed, plain = table[table["change"] != ""], table.loc[table["change"] == "", [*_PLACE, "value"]]
    return changed.merge(plain, on=_PLACE, how="left", suffixes=("", "_plain")), forks.missing


def _lacking(notes: Mapping[str, Sequence[str]]) -> list[str]:
    """Each note once, with the effects that it is of."""
    return [f"{'; '.join(of) if len(of) <= _ALIKE else f'{len(of)} effects'}: {note}" for note, of in notes.items()]


def _row(result: InterventionEffect) -> dict[str, object]:
    scopes = {
        "new_tasks": result.new_tasks,
        "these_tasks": result.these_tasks,
        "these_rollouts": result.these_parents,
    }
    limits = {name: value for scope, interval in scopes.items() for name, value in ends(scope, interval).items()}
    about = next((scope for scope, interval in scopes.items() if interval is not None), None)
    widest = scopes[about] if about else None
    bounds = {"low": widest and widest.low, "high": widest and widest.high}
    counts = {"parents": result.parents, "tasks": result.tasks, "pairs": result.pairs, "dropped": result.dropped}
    means = {"changed": result.treated, "plain": result.plain}
    shown = {"about": about and about.replace("_", " "), "p": widest and widest.p}
    return {"difference": result.difference, **bounds, **shown, **means, **limits, **counts}


def _result(tables: Mapping[str, pd.DataFrame]) -> str:
    """The first effects."""
    table = tables["effects"]
    named = table.assign(name=table["measure"] + ", " + table["change"] + " at " + table["at"].astype("str") + ":")
    return f"difference to plain forks: {listed(named, 'name', 'difference', most=2)}."


def _says(table: pd.DataFrame) -> str:
    significant = int((table["p"] < 0.05).sum())
    effects, pairs = pluralize(len(table), "effect"), pluralize(int(table["pairs"].sum()), "pair")
    return (
        f"Of {effects} over {pairs} of forks, {significant} at p < .05; each is tested by itself, with the broadest "
        f"claim that its number of tasks and parents allows."
    )
