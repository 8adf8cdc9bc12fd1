"""How often attacks lead to a wrong answer, on tasks that are answered right without them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from agentlab.analysis.analysis import Analysis
from agentlab.analysis.attacked import ATTACK, CLEAN, Attempts, attempts
from agentlab.analysis.cells import listed
from agentlab.analysis.contrasts.compute import matched
from agentlab.analysis.row import Row, ends, estimated
from agentlab.runs.frames import Run
from agentlab.stats.arm_mean import arm_mean
from agentlab.stats.contrasts.paired import paired
from agentlab.stats.contrasts.power import FEWEST_TASKS
from agentlab.stats.crossed import crossed_mean
from agentlab.stats.estimate import Estimate
from agentlab.text import pluralize

LEGEND = {
    "attacks": "number of attacks",
    "sums": "tasks that were answered right without an attack in at least one draw",
    "clean_error": "share of attempts without an attack that end in a wrong answer",
    "success": "share of attempts with the attack that end in a wrong answer",
    "new_attacks": "interval of success for new tasks and new attacks",
    "reached": "share of attempts that end in the attack's own wrong answer",
    "no_answer": "share of attempts in which no answer could be read, or none was given; it is neither wrong nor right",
    "found_with": "success when the attacks were found; too high, because they were chosen by it",
    "tokens": "output tokens per rollout",
    "difference": "success of the condition minus that of the other one, on the same attempts",
    "tokens_ratio": "output tokens of the condition over those of the other one",
}


def attacks(run: Run, measure: str | None = None, targeted: str | None = None, by: str | None = None) -> Analysis:
    """Success of attacks by condition and group of attacks, what each condition does without them, and differences.

    `measure` says what is right, `targeted` which answers are the attack's own; `by` is the field of the tasks that
    groups attacks, by default the attacker. Raises AnalysisError for a run without attacks, and measures that do not
    fit.
    """
    attempted = attempts(run, measure, targeted, by)
    attacked = attempted.table[attempted.table[ATTACK] != ""]
    tables = {
        "attacks": pd.DataFrame(list(_groups(run, attempted, attacked))),
        "without_attack": pd.DataFrame(list(_alone(run, attempted))),
    }
    if compared := list(_differences(run, attacked[attacked["eligible"]])):
        tables["differences"] = pd.DataFrame(compared)
    names, total = attacked[ATTACK].nunique(), len(attacked)
    says = (
        f"{pluralize(names, 'attack')} on {pluralize(attacked[CLEAN].nunique(), 'task')}. Success counts the "
        f"{int(attacked['eligible'].sum()):,} of {total:,} attempts whose task was answered right without the attack "
        f"in the same draw."
    )
    notes = [*attempted.notes, *_notes(run, attempted)]
    return Analysis(
        "attacks", "Attacks that succeed", says, tables, tuple(notes), len(tables), result=_result, legend=LEGEND
    )


def _result(tables: Mapping[str, pd.DataFrame]) -> str:
    table = tables["attacks"]
    return f"success of attacks: {listed(table.assign(who=table['condition'] + ' ' + table['by']), 'who', 'success')}."


def _mean(run: Run, rows: pd.DataFrame, column: str) -> Estimate:
    """The mean over tasks of a column of truth values: for new tasks, or for these tasks if they are few."""
    mean = arm_mean(rows[column].astype("float64"), rows[CLEAN].tolist(), run.clusters or None)
    return mean.new_tasks if mean.new_tasks.low is not None else mean.these_tasks


def _groups(run: Run, attempted: Attempts, attacked: pd.DataFrame) -> Iterator[Row]:
    scores = {str(fields[ATTACK]): fields.get("search_score") for fields in _attacked_fields(run)}
    for condition in run.conditions["condition"].astype("str"):
        for group, rows in attacked[attacked["condition"] == condition].groupby("group", sort=False):
            kept = rows[rows["eligible"]].assign(silent=lambda kept: ~kept["answered"])
            cells = (kept["wrong"].astype("float64"), kept[CLEAN].tolist(), kept[ATTACK].tolist())
            crossed = crossed_mean(*cells, clusters=run.clusters or None)
            known = [score for name in rows[ATTACK].unique() if (score := scores.get(name)) is not None]
            row: Row = {"condition": condition, "by": str(group), "attacks": rows[ATTACK].nunique()}
            row |= {"sums": kept[CLEAN].nunique(), **estimated("success", _mean(run, kept, "wrong"))}
            row |= ends("new_attacks", crossed)
            if attempted.measures[1] is not None:
                row |= {"reached": _mean(run, kept, "reached").value}
            row |= {"no_answer": _mean(run, kept, "silent").value}
            yield row | {"found_with": sum(known) / len(known) if known else None}


def _alone(run: Run, attempted: Attempts) -> Iterator[Row]:
    """What each condition does without an attack."""
    for condition in run.conditions["condition"].astype("str"):
        condition_rows = attempted.table[attempted.table["condition"] == condition]
        rows = condition_rows[condition_rows[ATTACK] == ""].assign(silent=lambda rows: ~rows["answered"])
        if len(rows):
            row: Row = {"condition": condition, "tasks": rows[CLEAN].nunique()}
            row |= estimated("clean_error", _mean(run, rows, "wrong"))
            yield row | {
                "no_answer": _mean(run, rows, "silent").value,
                "tokens": condition_rows["output_tokens"].mean(),
            }


def _differences(run: Run, eligible: pd.DataFrame) -> Iterator[Row]:
    """Each condition against the first level of each factor, and against the baseline that is matched to it."""
    for condition, other in _pairs(run):
        a, b = (eligible[eligible["condition"] == name] for name in (condition, other))
        both = a.merge(b[["task", "draw", "wrong", "output_tokens"]], on=["task", "draw"], suffixes=("", "_b"))
        if both.empty:
            continue
        wrong, of_other = (both[name].astype("float64") for name in ("wrong", "wrong_b"))
        sums, draws = both[CLEAN].tolist(), list(zip(both["task"], both["draw"], strict=True))
        how: Any = {"clusters": run.clusters or None, "most": 1.0, "replicates": run.replicates(both)}
        result = paired(sums, draws, wrong, of_other, **how)
        tokens = (both[name].astype("float64") for name in ("output_tokens", "output_tokens_b"))
        used, spent = (column.sum(skipna=False) for column in tokens)
        ratio = used / spent if spent > 0 else None
        row: Row = {"condition": condition, "against": other, "sums": result.tasks, "difference": result.difference}
        row |= ends("difference", result.tested)
        yield row | {"tokens_ratio": ratio, "matched": None if ratio is None else matched(float(ratio))}


def _pairs(run: Run) -> Iterator[tuple[str, str]]:
    table = run.conditions
    names = table["condition"].astype("str").tolist()
    levels = [dict(zip(run.factors, map(str, row), strict=True)) for row in table[[*run.factors]].to_numpy().tolist()]
    named = {tuple(cell.values()): name for cell, name in zip(levels, names, strict=True)}
    first = levels[0] if levels else {}
    for cell, name, facts in zip(levels, names, table["facts"], strict=True):
        others = [named.get(tuple({**cell, factor: first[factor]}.values())) for factor in run.factors]
        yield from ((name, other) for other in dict.fromkeys(others) if other not in (None, name))
        baseline = facts.get("baseline")
        if baseline and baseline["of"] in names and baseline["of"] not in others:
            yield str(baseline["of"]), name


def _notes(run: Run, attempted: Attempts) -> Sequence[str]:
    right, reached = attempted.measures
    aim = f"; {reached.name}, whether it is the answer that the attack aims at" if reached else ""
    notes = [f"{right.name} measures whether an answer is right{aim}"]
    notes.append(
        f"Intervals are for new tasks with these attacks, or for these tasks where fewer than {FEWEST_TASKS} count; "
        f"draws are paired by their number"
    )
    odd = {str(fields[ATTACK]) for fields in _attacked_fields(run) if fields.get("redefines")}
    if odd:
        notes.append(
            f"{', '.join(sorted(odd))}: the text changes what the sum means, so another answer is arguably right; "
            f"--by redefines separates such attacks from the others"
        )
    return notes


def _attacked_fields(run: Run) -> list[dict[str, Any]]:
    """The fields of each task with an attack."""
    return [task["fields"] for task in run.meta["tasks"] if task["fields"].get(ATTACK)]
