"""What length limits cut off, with what judges could not read, by arm."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache

import pandas as pd

from agentlab.runs.frames import Run
from agentlab.runs.frames.measures import judged_rollouts
from agentlab.types import Measure

UNREAD = ("unparsed", "truncated", "refused", "crash", "timeout", "format")
"""Outcomes of a judge's work that leave an output without a score; a failed call is told by its error."""
FOUND_NOTHING = ("unparsed", "truncated")
"""Those in which a judge that asks no model found no answer."""
UNEQUAL = 0.05
"""Arms whose shares lie further apart are said to differ."""
MOST = 6
"""Arms that a note names."""


@lru_cache(maxsize=1)
def cut(run: Run) -> pd.DataFrame:
    """One row per condition: `outputs` that were delivered, `outputs_cut` of them, `turns`, `turns_cut` of them.

    Made once, like a run's frames.
    """
    rollouts = run.rollouts.astype({"condition": "str"})
    rollouts = rollouts.assign(outputs=rollouts["output"].notna(), outputs_cut=rollouts["output_cut"])
    counted = rollouts.groupby("condition", sort=False)[["outputs", "outputs_cut", "turns", "turns_cut"]].sum()
    return counted.astype("int64").reset_index()


@lru_cache(maxsize=1)
def unread(run: Run) -> dict[str, dict[str, dict[str, int]]]:
    """By measure and condition, in how many rollouts it has no score for each of `UNREAD`, by its worst verdict.

    Made once, like a run's frames.
    """
    return {m.name: _unread(run, m) for m in run.measured}


@lru_cache(maxsize=1)
def _judged(run: Run) -> dict[str, Counter[str]]:
    """By measure and condition, how many rollouts its judge looks at."""
    return {m.name: Counter(judged_rollouts(run.measures, m)["condition"].tolist()) for m in run.measured}


def _unread(run: Run, measure: Measure) -> dict[str, dict[str, int]]:
    judged = judged_rollouts(run.measures, measure)
    counts: dict[str, dict[str, int]] = {str(condition): {} for condition in run.measures["condition"].unique()}
    lost = judged[judged[f"{measure.name}_outcome"].isin(UNREAD)]
    for (condition, outcome), part in lost.groupby([lost["condition"].astype("str"), f"{measure.name}_outcome"]):
        counts[str(condition)][str(outcome)] = len(part)
    return counts


def unread_notes(run: Run) -> list[str]:
    """What was cut off or not read in some arm, with a warning where the arms differ."""
    counts, notes = cut(run), list[str]()
    if counts["turns_cut"].any():
        numbers = {name: _by_arm(counts, name) for name in ("outputs", "outputs_cut", "turns", "turns_cut")}
        parts = [f"{name} {_shares(numbers[f'{name}_cut'], numbers[name])}" for name in ("outputs", "turns")]
        notes.append(f"Cut off by max_tokens: {'; '.join(parts)}.")
        if _differ(numbers["outputs_cut"], numbers["outputs"]):
            notes[-1] += (
                " The arms differ in this: raise max_tokens, or a difference between arms may come from length."
            )
    for m in run.measured:
        judged, by_condition = _judged(run)[m.name], unread(run)[m.name]
        for outcome in UNREAD:
            lost = {condition: by.get(outcome, 0) for condition, by in by_condition.items() if judged.get(condition)}
            if any(lost.values()):
                counts_as = f"counts the outcome `{outcome}` as {m.values.get(outcome, 0):g}"
                worth = counts_as if outcome in m.values else f"has no value for the outcome `{outcome}`"
                differ = " The arms differ in this." if _differ(lost, judged) else ""
                notes.append(f"{m.name} {worth}: {_shares(lost, judged)}.{differ}")
    return notes


def differing(run: Run) -> list[str]:
    """Where conditions differ in what was cut off or could not be read, in a short line each.

    An outcome to which the measure gives a value is no missing score, and is told by what it counts as.
    """
    counts, notes = cut(run), list[str]()
    cut_off, outputs = _by_arm(counts, "outputs_cut"), _by_arm(counts, "outputs")
    if _differ(cut_off, outputs):
        advice = "raise max_tokens, or a difference may come from length"
        notes.append(
            f"Outputs cut off: {_shares(_named(cut_off), _named(outputs))}. Conditions differ in this: {advice}."
        )
    for m in run.measured:
        judged, by_condition = _judged(run)[m.name], unread(run)[m.name]
        lost = {
            condition: sum(count for outcome, count in by.items() if outcome not in m.values)
            for condition, by in by_condition.items()
            if judged.get(condition)
        }
        if _differ(lost, judged):
            what = "has no value where programs failed" if m.cases else "could not be read"
            notes.append(f"{m.name} {what}: {_shares(_named(lost), _named(judged))}. Conditions differ in this.")
        for outcome in (outcome for outcome in FOUND_NOTHING if outcome in m.values):
            counted = {condition: by.get(outcome, 0) for condition, by in by_condition.items() if judged.get(condition)}
            if _differ(counted, judged):
                what = f"counts the outcome `{outcome}` as {m.values[outcome]:g}"
                notes.append(f"{m.name} {what}: {_shares(_named(counted), _named(judged))}. Conditions differ in this.")
    return notes


def levels(condition: str) -> str:
    """A condition by its levels alone: `firm, plain` of `team=firm,tone=plain`."""
    return ", ".join(part.partition("=")[2] or part for part in condition.split(","))


def _by_arm(counts: pd.DataFrame, column: str) -> dict[str, int]:
    return {str(arm): int(count) for arm, count in zip(counts["condition"], counts[column], strict=True)}


def _shares(some: Mapping[str, int], of: Mapping[str, int]) -> str:
    """`10 of 18 (team=firm), 4 of 18 (team=solo)`, the greatest share first."""
    arms = sorted((arm for arm in some if of[arm]), key=lambda arm: -some[arm] / of[arm])
    named = [f"{some[arm]:,} of {of[arm]:,} ({arm})" for arm in arms[:MOST]]
    return ", ".join([*named, *(["…"] if len(arms) > MOST else [])])


def _named(by_arm: Mapping[str, int]) -> dict[str, int]:
    return {levels(condition): count for condition, count in by_arm.items()}


def _differ(some: Mapping[str, int], of: Mapping[str, int]) -> bool:
    shares: Sequence[float] = [some[arm] / of[arm] for arm in some if of[arm]]
    return len(shares) > 1 and max(shares) - min(shares) > UNEQUAL
