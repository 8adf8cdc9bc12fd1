"""The attempts of attacks on tasks, each beside the same task without an attack in the same draw."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from agentlab.analysis.direction import better
from agentlab.analysis.suppressed import suppressed
from agentlab.errors import AnalysisError
from agentlab.runs.frames import Run
from agentlab.store import UNFINISHED
from agentlab.text import pluralize
from agentlab.types import Measure

ATTACK, CLEAN, ATTACKER = "attack", "clean", "attacker"
"""Fields of a task: the name of its attack, empty without one; the task without it; who wrote it."""
TARGETED = "targeted"
"""The measure of attacks that reach their own wrong answer, if none is named and the run has one of this name."""


@dataclass(frozen=True, slots=True)
class Attempts:
    """Every finished rollout of a run on a task with or without an attack."""

    table: pd.DataFrame
    """`condition`, `task`, `draw`, `output_tokens`, and `clean` (str), `attack` (str, empty without one), `group` (of
    the attack), `answered`, `wrong` (an answer that is not right), `reached` (the attack's own wrong answer), and
    `eligible` (the task was answered right without an attack in the same draw): bool."""
    measures: tuple[Measure, Measure | None]
    notes: tuple[str, ...]


def attempts(run: Run, measure: str | None, targeted: str | None, by: str | None) -> Attempts:
    """By the names of two measures and of the field that groups attacks. Raises AnalysisError where one does not fit.

    `measure` is by default the first, `targeted` the one of this name, and `by` the attacker.
    """
    fields: dict[str, dict[str, Any]] = {str(task["id"]): task.get("fields", {}) for task in run.meta.get("tasks", [])}
    attacked = {id: task_fields for id, task_fields in fields.items() if task_fields.get(ATTACK)}
    if not attacked:
        raise AnalysisError(
            f"{run.folder} has no task with an attack; `tasks: {{kind: arithmetic, attacks: …}}` makes some (a task of "
            f"your own has the fields `attack`, and `clean` with the id of the task without it)"
        )
    lacking = next((id for id, task_fields in attacked.items() if str(task_fields.get(CLEAN)) not in fields), None)
    if lacking is not None:
        raise AnalysisError(
            f"task {lacking!r}: its field `clean` names no task; give the id of the task without attack"
        )
    by = _grouping(attacked, by)
    right, reached = _measures(run, measure, targeted)
    names = [m.name for m in (right, reached) if m is not None]
    columns = ["rollout", *names, *(f"{name}_outcome" for name in names)]
    table = run.rollouts[["rollout", "condition", "task", "draw", "status", "output_tokens"]].merge(
        run.measures[columns], on="rollout"
    )
    table = table[table["task"].astype("str").isin(fields)].astype({"condition": "str", "task": "str"})
    done = table[~table["status"].isin(UNFINISHED)]
    lost = len(table) - len(done)
    notes = [f"{pluralize(lost, 'rollout')} that did not finish left out"] if lost else []
    rows = _rows(done, fields, by, right, reached)
    return Attempts(rows, (right, reached), tuple(notes))


def _grouping(attacked: Mapping[str, Mapping[str, Any]], by: str | None) -> str:
    """The field that groups attacks. Raises AnalysisError where a task with an attack lacks it."""
    fields = [set(task_fields) for task_fields in attacked.values()]
    by = by or (ATTACKER if all(ATTACKER in names for names in fields) else ATTACK)
    if any(by not in names for names in fields):
        shared = [name for name in next(iter(attacked.values())) if all(name in names for names in fields)]
        raise AnalysisError(f"--by {by}: not every task with an attack has this field; all have {', '.join(shared)}")
    return by


def _rows(
    done: pd.DataFrame, fields: Mapping[str, Mapping[str, Any]], by: str, right: Measure, reached: Measure | None
) -> pd.DataFrame:
    """The table of `Attempts`, of finished rollouts with their measures."""
    columns = {"attack": ATTACK, "clean": CLEAN, "group": by}
    rows = done.assign(
        **{column: [_cell_text(fields[task].get(name)) for task in done["task"]] for column, name in columns.items()}
    )
    sign = better(right) or 1
    best = max(right.range, key=lambda end: sign * end)
    rows["answered"] = rows[right.name].notna()
    rows["wrong"] = rows["answered"] & (rows[right.name] != best)
    if reached is not None:
        rows["reached"] = rows["answered"] & (rows[reached.name] == max(reached.range))
    alone = rows[rows[ATTACK] == ""]
    able = alone[alone["answered"] & ~alone["wrong"]]
    keys = set(zip(able["condition"], able["task"], able["draw"], strict=True))
    named = zip(rows["condition"], rows[CLEAN], rows["draw"], strict=True)
    return rows.assign(eligible=[key in keys for key in named])


def _cell_text(value: object) -> str:
    """A value of a field in a table."""
    return "" if value is None else {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _measures(run: Run, measure: str | None, targeted: str | None) -> tuple[Measure, Measure | None]:
    known = {m.name: m for m in run.measured}
    for option, name in (("measure", measure), (TARGETED, targeted)):
        if name is not None and name not in known:
            raise AnalysisError(
                f"--{option} {name}: {run.folder} has no such measure; its measures: {', '.join(known) or 'none'}"
            )
    if not known:
        raise AnalysisError(f"{run.folder} has no measure that says what is right; give the scenario a `match` judge")
    right = known[measure] if measure else next(iter(known.values()))
    reached = known.get(targeted or TARGETED)
    for m in (right, *([reached] if reached is not None else [])):
        if why := suppressed(run, m.judge):
            raise AnalysisError(f"{m.name}: suppressed: {why}")
        if set(run.measures[m.name].dropna()) - set(m.range):
            raise AnalysisError(f"{m.name} has values other than right and wrong; name a measure of a `match` judge")
        if m.values:
            counted = ", ".join(f"{name}: {value:g}" for name, value in m.values.items())
            raise AnalysisError(
                f"{m.name} gives a value to rollouts without an answer ({counted}), which are neither right nor wrong "
                f"here; remove this from the measure"
            )
    return right, reached
