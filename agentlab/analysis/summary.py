"""What a run says at its end: measures by condition, paired contrasts, what went missing, and what may be concluded.

Numbers only; whoever prints them chooses the layout.
"""

from dataclasses import dataclass

import pandas as pd

from agentlab.analysis.condition_summary import ConditionSummary, condition_summary, counts
from agentlab.analysis.contrasts.blinding import blindness
from agentlab.analysis.contrasts.compared import contrasts
from agentlab.analysis.contrasts.contrast import Contrast
from agentlab.analysis.contrasts.notes import interim_notes
from agentlab.analysis.contrasts.table import tabulate
from agentlab.analysis.contrasts.tasks import task_notes
from agentlab.analysis.measure_summary import MeasureSummary, measure_summaries
from agentlab.analysis.unread import unread_notes
from agentlab.runs.frames import Run
from agentlab.stats.contrasts.paired import FEWEST_TASKS
from agentlab.text import pluralize


@dataclass(frozen=True, slots=True)
class Summary:
    """All of it. `outcomes` counts verdicts by judge and outcome; `anchors` is each rubric judge's line on itself."""

    name: str
    tasks: int
    arms: tuple[ConditionSummary, ...]
    measures: dict[str, MeasureSummary]
    contrasts: tuple[Contrast, ...]
    table: pd.DataFrame
    """The contrasts with a column for everything known of them."""
    outcomes: dict[str, dict[str, int]]
    groups: dict[str, tuple[int, int]]
    """By judge of kind equivalence: outputs that it sorted, and groups that it made of them."""
    anchors: dict[str, str]
    suppressed: dict[str, str]
    """Measures of which nothing is said that tells who did better, and why."""
    notes: tuple[str, ...]
    example: str
    """A rollout of the run, by its coordinates."""


def summarize(run: Run) -> Summary:
    """The summary of a run with at least one finished rollout; an empty one otherwise."""
    rollouts = run.rollouts
    reports = run.meta.get("anchors", {})
    measures = measure_summaries(run)
    arms = tuple(condition_summary(run, str(name), measures) for name in rollouts["condition"].unique())
    found = tuple(contrasts(run)) if len(rollouts) else ()
    scores = run.scores[run.scores["rollout"].isin(rollouts["rollout"])]
    judged = pd.concat([scores[["judge", "outcome"]], run.pairs[["judge", "outcome"]]])
    outcomes = {str(j): counts(part["outcome"]) for j, part in judged.groupby("judge", sort=False)}
    anchors = {name: report["text"] for name, report in reports.items()}
    return Summary(
        str(run.meta.get("name", "")),
        int(rollouts["task"].nunique()),
        arms,
        measures,
        found,
        tabulate(run),
        outcomes,
        _groups(run),
        anchors,
        {name: m.suppressed for name, m in measures.items() if m.suppressed},
        _notes(run, found),
        _example(run),
    )


def _groups(run: Run) -> dict[str, tuple[int, int]]:
    there = run.groups.dropna(subset="group")
    made = there.drop_duplicates(["task", "condition", "judge", "group"])
    outputs, groups = counts(there["judge"]), counts(made["judge"])
    return {judge: (outputs[judge], groups[judge]) for judge in outputs}


def _example(run: Run) -> str:
    if run.rollouts.empty:
        return ""
    first = run.rollouts.iloc[0]
    return ",".join(f"{name}={first[name]}" for name in ("task", *run.factors, "draw"))


def _notes(run: Run, contrasts: tuple[Contrast, ...]) -> tuple[str, ...]:
    notes = [*_accepted(run), *_failures(run), *(unread_notes(run) if len(run.rollouts) else [])]
    tasks = run.rollouts["task"].nunique()
    if contrasts and tasks < FEWEST_TASKS:
        about = (
            "this task; nothing is claimed beyond it" if tasks == 1 else "these tasks; nothing is claimed beyond them"
        )
        notes.append(f"{pluralize(tasks, 'task')}: every interval is about {about}.")
    notes += [*interim_notes(run, contrasts), *task_notes(run, contrasts)]
    uncounted = run.calls["text"].notna() & run.calls["input_tokens"].isna()
    if uncounted.any():
        models = ", ".join(sorted(run.calls.loc[uncounted, "model"].astype("str").unique()))
        notes.append(
            f"{pluralize(int(uncounted.sum()), 'reply', 'replies')} of {models} came without token counts: tokens and "
            "cost are unknown there, and not zero."
        )
    unsent = run.calls.loc[~run.calls["seeded"], "model"].unique()
    if len(unsent):
        notes.append(
            f"{', '.join(sorted(map(str, unsent)))} took no seed: the arms share no random numbers in those calls."
        )
    return (*notes, *blindness(run, contrasts))


def _accepted(run: Run) -> list[str]:
    """Changes of the code that were accepted while the run grew."""
    changes = [change for entry in run.meta.get("code", []) for change in entry["accepted"]]
    return [f"Rollouts of one condition were made by different code: {'; '.join(changes)}."] if changes else []


def _failures(run: Run) -> list[str]:
    """How many rollouts and verdicts failed, with the first reason of each kind."""
    notes: list[str] = []
    lost = run.rollouts[run.rollouts["status"] == "infrastructure"]
    if len(lost):
        notes.append(f"{pluralize(len(lost), 'rollout')} failed; the first: {lost['error'].iloc[0]}")
    errors = run.scores[run.scores["outcome"] == "error"]
    for judge, part in errors.groupby("judge", sort=False):
        notes.append(f"judge {judge}: {pluralize(len(part), 'verdict')} failed; the first: {part['reason'].iloc[0]}")
    return notes
