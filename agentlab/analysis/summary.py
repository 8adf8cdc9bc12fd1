"""What a run says at its end: measures by condition, paired contrasts, what went missing, and what may be concluded.

Numbers only; whoever prints them chooses the layout.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass, replace

import pandas as pd

from agentlab.analysis.contrasts.blinding import blindness
from agentlab.analysis.contrasts.compared import contrasts
from agentlab.analysis.contrasts.contrast import Contrast
from agentlab.analysis.contrasts.notes import interim_notes
from agentlab.analysis.contrasts.table import tabulate
from agentlab.analysis.contrasts.tasks import task_notes
from agentlab.analysis.outcome_range import outcome_range
from agentlab.analysis.served import served_notes
from agentlab.analysis.suppressed import suppressed_measures
from agentlab.analysis.unread import unread, unread_notes
from agentlab.runs.frames import Run
from agentlab.stats.arm_mean import ArmMean, arm_mean
from agentlab.stats.bounds import Bounds, bounds
from agentlab.stats.contrasts.paired import FEWEST_TASKS
from agentlab.stats.estimate import Estimate
from agentlab.text import pluralize


@dataclass(frozen=True, slots=True)
class ConditionSummary:
    """One condition. `measures` holds for each measure the mean of task means and its worst-case bounds; of one that is
    suppressed both are missing."""

    condition: str
    rollouts: int
    statuses: dict[str, int]
    measures: dict[str, Bounds]
    means: dict[str, ArmMean]
    """The same means with their intervals, for these tasks and for new tasks, inside the range of the measure; nothing
    of one that is suppressed."""
    delivered: dict[str, float | None]
    """Mean of task means over delivered rollouts only; None of a measure that is suppressed, too."""
    calls: int
    output_tokens: int | None
    tokens: int | None
    """Of prompts and replies; None when a reply came without token counts."""
    cost: float | None
    """US dollars of the agents' calls; None when a price or a token count is unknown."""
    dropped: int
    """Messages that bounced, could not be parsed or were cut off."""
    cut: int
    """Outputs that a length limit cut off."""
    turns_cut: int
    """Turns that it ended."""
    unread: dict[str, dict[str, int]]
    """By measure, in how many rollouts its judge read no score, by outcome."""


@dataclass(frozen=True, slots=True)
class Summary:
    """All of it. `outcomes` counts verdicts by judge and outcome; `anchors` is each rubric judge's line on itself."""

    name: str
    arms: tuple[ConditionSummary, ...]
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
    rollouts, measures = run.rollouts, run.measures
    reports = run.meta.get("anchors", {})
    hidden = suppressed_measures(run)
    arms = tuple(_arm(name, run, rollouts, measures, hidden) for name in rollouts["condition"].unique())
    found = tuple(contrasts(run)) if len(rollouts) else ()
    scores = run.scores[run.scores["rollout"].isin(rollouts["rollout"])]
    judged = pd.concat([scores[["judge", "outcome"]], run.pairs[["judge", "outcome"]]])
    outcomes = {str(j): _counts(part["outcome"]) for j, part in judged.groupby("judge", sort=False)}
    anchors = {name: report["text"] for name, report in reports.items()}
    return Summary(
        str(run.meta.get("name", "")),
        arms,
        found,
        tabulate(run),
        outcomes,
        _groups(run),
        anchors,
        hidden,
        _notes(run, found),
        _example(run),
    )


def _groups(run: Run) -> dict[str, tuple[int, int]]:
    there = run.groups.dropna(subset="group")
    made = there.drop_duplicates(["task", "condition", "judge", "group"])
    outputs, groups = _counts(there["judge"]), _counts(made["judge"])
    return {judge: (outputs[judge], groups[judge]) for judge in outputs}


def _example(run: Run) -> str:
    if run.rollouts.empty:
        return ""
    first = run.rollouts.iloc[0]
    return ",".join(f"{name}={first[name]}" for name in ("task", *run.factors, "draw"))


def _counts(column: pd.Series) -> dict[str, int]:
    return {str(name): int(count) for name, count in column.astype("str").value_counts(sort=False).items()}


def _arm(
    condition: str, run: Run, rollouts: pd.DataFrame, measures: pd.DataFrame, hidden: Collection[str]
) -> ConditionSummary:
    rows = (rollouts["condition"] == condition).to_numpy()
    own, scored = rollouts[rows], measures[rows]
    tasks = scored["task"].astype("str").tolist()
    ranges = {m.name: outcome_range(m, scored[m.name]) for m in run.measured}
    values = {name: bounds(scored[name].to_numpy(), *ends, tasks) for name, ends in ranges.items()}
    means = {name: arm_mean(scored[name], tasks, run.clusters, ends) for name, ends in ranges.items()}
    unsaid = Estimate(None, notes=("suppressed",))
    means |= dict.fromkeys(hidden, ArmMean(unsaid, unsaid))
    values |= {name: replace(values[name], observed=None, low=math.nan, high=math.nan) for name in hidden}
    done = scored[scored["status"] == "delivered"]
    by_task = {m.name: done.groupby("task", observed=True)[m.name].mean().mean() for m in run.measured}
    return ConditionSummary(
        condition=condition,
        rollouts=len(own),
        statuses=_counts(own["status"]),
        measures=values,
        means=means,
        delivered={name: None if pd.isna(value) or name in hidden else float(value) for name, value in by_task.items()},
        calls=int(own["calls"].sum()),
        output_tokens=_total(own["output_tokens"]),
        tokens=_total(own["input_tokens"] + own["output_tokens"]),
        cost=None if own["cost"].isna().any() else float(own["cost"].sum()),
        dropped=int(own[["bounced", "unparsed", "truncated"]].to_numpy().sum()),
        cut=int(own["output_cut"].sum()),
        turns_cut=int(own["turns_cut"].sum()),
        unread={m.name: unread(run, m)[condition] for m in run.measured},
    )


def _total(tokens: pd.Series) -> int | None:
    return None if tokens.isna().any() else int(tokens.sum())


def _notes(run: Run, contrasts: tuple[Contrast, ...]) -> tuple[str, ...]:
    notes = [*_accepted(run), *served_notes(run), *_failures(run), *(unread_notes(run) if len(run.rollouts) else [])]
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
