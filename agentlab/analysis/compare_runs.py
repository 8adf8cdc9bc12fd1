"""Two runs beside each other: in what they differ, and what came of it by condition and measure."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from agentlab.analysis.analysis import Analysis
from agentlab.analysis.conclusion import Outcome, conclude
from agentlab.analysis.contrasts.difference import ArmValues, arm_values
from agentlab.analysis.contrasts.missing import missing_values
from agentlab.analysis.contrasts.notes import REJECTED
from agentlab.analysis.contrasts.rejected import rejected_alike
from agentlab.analysis.measure_summary import measure_summaries
from agentlab.analysis.outcome_range import outcome_range
from agentlab.analysis.row import Row, ends, estimated
from agentlab.analysis.run_differences import run_differences
from agentlab.analysis.suppressed import suppressed
from agentlab.analysis.unplayed import due, played, unplayed
from agentlab.errors import AnalysisError
from agentlab.judges.added_anchors import late_anchors
from agentlab.pairing import draws_are_pairs
from agentlab.runs.frames import Run
from agentlab.scenario.replicates import TOGETHER
from agentlab.stats.arm_mean import arm_mean
from agentlab.stats.contrasts.paired import Paired
from agentlab.suggestion import suggest
from agentlab.text import enumerate_some, pluralize
from agentlab.types import Measure

LEVEL = 0.95
NAMED = 4
"""Conditions or tasks that a sentence names."""
NOT_RANDOMIZED = (
    "The runs were not randomized against each other: they ran at different times, perhaps with different code and "
    "on different servers. Any of these can cause a difference. To test what you changed, put both arms into one "
    "scenario."
)
UNADJUSTED = "Every row is exploratory, and the 95% intervals are not adjusted for the number of rows."


def compare_runs(
    first: Run, second: Run, a: str | None = None, b: str | None = None, measure: str | None = None
) -> Analysis:
    """Two tables: the measures of each condition in both runs with the difference, and in what the runs differ.

    `first`, `second` are the means over all rollouts of a run. `difference` is the second run's mean minus the first's
    over what both runs have: pairs of task and draw, or tasks where draws are not paired. Conditions are matched by
    name; `a` of the first and `b` of the second run are matched where they are given. Draws are paired where both runs
    have one seed and common random numbers, and are compared within tasks otherwise. Self-training loops are compared
    on held-out tasks. Raises AnalysisError where no condition or no measure is in both runs.
    """
    first, second = first.held_out.pooled, second.held_out.pooled
    pairs = _matched(first, second, a, b)
    measures = _measures(first, second, measure)
    paired = _share_random_numbers(first, second)
    rows = [_row(first, second, names, measure, paired) for names in pairs for measure in measures if _alike(measure)]
    differences = run_differences(first, second)
    names = [_name(run) for run in (first, second)]
    sentence = (
        f"{pluralize(len(pairs), 'condition')} and {pluralize(len(measures), 'measure')} in both runs; the runs differ "
        f"in {pluralize(len(differences), 'place')}."
    )
    notes = (
        NOT_RANDOMIZED,
        UNADJUSTED,
        _pairing(paired),
        *((f"{TOGETHER}.",) if _replicated(first, second) else ()),
        *((REJECTED,) if paired and not all(row["paired"] for row in rows) else ()),
        *_part_notes(rows),
        *_measure_notes(measures),
        *_condition_notes(first, second, pairs, a),
        *_task_notes(first, second),
        *_late_notes(first, second),
        *_unplayed_notes(first, second),
    )
    tables = {"measures": pd.DataFrame(rows), "differences": differences}
    return Analysis("compare", f"{names[0]} and {names[1]}", sentence, tables, notes, shown=2)


def _replicated(*runs: Run) -> bool:
    """Whether in any of them an arm is a loop that was trained several times."""
    return any("pooled" in run.meta for run in runs)


def _late_notes(first: Run, second: Run) -> Iterator[str]:
    for run in (first, second):
        yield from (f"{_name(run)}: {late}" for late in late_anchors(run.meta))


def _unplayed_notes(first: Run, second: Run) -> Iterator[str]:
    for run in (first, second):
        if lacking := unplayed(run):
            size, are = pluralize(lacking + played(run), "rollout"), "is" if lacking == 1 else "are"
            yield f"{lacking:,} of {size} of {run.folder} {are} not played yet."


Both = tuple[Measure, Measure]
"""A measure as either run defines it."""


def _name(run: Run) -> str:
    return run.folder.resolve().name


def _matched(first: Run, second: Run, a: str | None, b: str | None) -> list[tuple[str, str]]:
    known = [list(map(str, run.rollouts["condition"].unique())) for run in (first, second)]
    if (a is None) != (b is None):
        raise AnalysisError("--a and --b go together: give a condition of the first run and a condition of the second")
    for run, names, option, asked in zip((first, second), known, "ab", (a, b), strict=True):
        if asked is not None and asked not in names:
            raise AnalysisError(f"--{option}: {run.folder} has no condition {asked!r}; {suggest(asked, names)}")
    if a is not None and b is not None:
        return [(a, b)]
    if shared := [name for name in known[0] if name in known[1]]:
        return [(name, name) for name in shared]
    if all(len(names) == 1 for names in known):
        return [(known[0][0], known[1][0])]
    sides = zip((first, second), known, strict=True)
    either = [f"{run.folder} has {enumerate_some(names, NAMED) or 'none'}" for run, names in sides]
    raise AnalysisError(
        f"no condition has the same name in both runs; match two with --a NAME --b NAME ({', and '.join(either)})"
    )


def _measures(first: Run, second: Run, wanted: str | None) -> list[Both]:
    other = {m.name: m for m in second.measured}
    shared = [(m, other[m.name]) for m in first.measured if m.name in other]
    if wanted is not None and wanted not in {m.name for m, _ in shared}:
        right = suggest(wanted, [m.name for m, _ in shared])
        raise AnalysisError(f"--measure: no measure {wanted!r} in both runs; {right}")
    if not shared:
        raise AnalysisError(
            "the two runs have no measure with the same name; `agentlab judge RUN --with JUDGE` adds one"
        )
    return [both for both in shared if wanted in (None, both[0].name)]


def _alike(both: Both) -> bool:
    """Whether the two are on one scale."""
    return both[0].range == both[1].range


def _share_random_numbers(first: Run, second: Run) -> bool:
    """Whether draw n of one run had the same random numbers as draw n of the other."""
    runs = (first, second)
    coupled = all(draws_are_pairs(run.meta) and run.meta.get("coupling") == "seeds" for run in runs)
    return coupled and first.meta["seed"] == second.meta["seed"]


def _clusters(first: Run, second: Run) -> dict[str, str]:
    """Of the tasks of both runs, by task its cluster in the first, or else in the second; empty if none share one."""
    known = {**second.clusters, **first.clusters}
    tasks = {str(task["id"]) for task in first.meta["tasks"]} & {str(task["id"]) for task in second.meta["tasks"]}
    shared = {task: known[task] for task in sorted(tasks & known.keys())}
    return shared if len(set(shared.values())) < len(shared) else {}


def _row(first: Run, second: Run, names: tuple[str, str], measure: Both, paired: bool) -> Row:
    name = measure[0].name
    sides = [
        due(run, definition.judge, run.measures[(run.measures["condition"] == condition).to_numpy()])
        for run, condition, definition in zip((first, second), names, measure, strict=True)
    ]
    paired = paired and all(rejected_alike(sides[0], sides[1], definition) for definition in measure)
    how = first.replicates if _replicated(first) else second.replicates
    values = arm_values(sides[1], sides[0], measure[0], paired, _clusters(first, second), how)
    contrast = values.difference(LEVEL)
    hidden = next(filter(None, (suppressed(run, m.judge) for run, m in zip((first, second), measure, strict=True))), "")
    row: Row = {"condition": names[0]} if names[0] == names[1] else {"condition": f"{names[0]} | {names[1]}"}
    row |= {"measure": name, "suppressed": hidden or None}
    for label, run, side, definition in zip(("first", "second"), (first, second), sides, measure, strict=True):
        tasks, scores = side["task"].astype("str").tolist(), side[name]
        ends_of = outcome_range(definition, scores)
        mean = arm_mean(scores, tasks, run.clusters, ends_of, replicates=run.replicates(side)).these_tasks
        row |= estimated(label, None if hidden else mean)
        row |= {f"{label}_scored": int(scores.notna().sum()), f"{label}_missing": int(scores.isna().sum())}
    return row | {
        "difference": None if hidden else contrast.difference,
        **ends("these_tasks", None if hidden else contrast.these_tasks),
        **ends("new_tasks", None if hidden else contrast.new_tasks),
        "conclusion": _conclusion(first, second, measure[0], values, contrast, bool(hidden)),
        "tasks": contrast.tasks,
        "paired": paired,
        "pairs": contrast.pairs if paired else None,
    }


def _conclusion(first: Run, second: Run, m: Measure, values: ArmValues, contrast: Paired, hidden: bool) -> str:
    """The outcome in words; the runs stand for the arms, and the p is not adjusted."""
    p = contrast.sign_flip if contrast.tested is None else contrast.tested.p
    if _alike_pairs(values):
        return f"same scores in {pluralize(contrast.pairs, 'pair')}"
    outcome: Outcome = "suppressed" if hidden else "untested"
    if p is not None and contrast.difference is not None and not hidden:
        missing = missing_values(values, contrast, LEVEL)
        fragile = missing is not None and missing.contradicts(contrast.difference)
        outcome = "alike" if p > 1 - LEVEL else "fragile" if fragile else "different"
    sign = measure_summaries(second)[m.name].better
    return conclude(outcome, _name(second), _name(first), contrast.difference, sign)


def _alike_pairs(values: ArmValues) -> bool:
    """Whether draws are pairs, and every complete pair has one score twice."""
    a, b = values.values
    known = ~(np.isnan(a) | np.isnan(b)) if values.pairs else np.zeros(0, dtype=bool)
    return bool(known.any()) and bool((a[known] == b[known]).all())


def _part_notes(rows: Sequence[Row]) -> Iterator[str]:
    """What is compared where that is less than either run has, and where it is the same rollouts."""
    most = [max(row["first_scored"], row["second_scored"]) for row in rows]
    partial = [n for row, size in zip(rows, most, strict=True) if (n := row["pairs"]) is not None and n < size]
    if partial:
        yield (
            "Means are over all rollouts of a run. Differences are over the pairs of task and draw that both runs "
            f"have ({min(partial):,} or more), so they are not the differences of the means."
        )
    if any(row["conclusion"].startswith("same scores") for row in rows):
        yield (
            "Same scores: with the same seed, a simulated model repeats its replies, so these pairs are copies of the "
            "same rollouts and test nothing. To compare a scenario with itself, change the seed of one run: "
            "`--set seed=2`."
        )


def _pairing(paired: bool) -> str:
    if paired:
        return (
            "Both runs have the same seed: draws are paired, and they share random numbers "
            "where a model accepts a seed."
        )
    return "The runs do not share random numbers: draws are not paired, and the runs are compared within tasks."


def _measure_notes(measures: Sequence[Both]) -> Iterator[str]:
    for first, second in measures:
        if not _alike((first, second)):
            ranges = f"{first.range} in the first run and {second.range} in the second"
            yield f"{first.name} is excluded: its range is {ranges}."
        elif first != second:
            yield f"{first.name} is defined differently in the second run; see the differences under measures."


def _condition_notes(first: Run, second: Run, pairs: Sequence[tuple[str, str]], a: str | None) -> Iterator[str]:
    if a is not None:
        return
    for run, side in ((first, 0), (second, 1)):
        rest = [str(name) for name in run.rollouts["condition"].unique() if name not in {pair[side] for pair in pairs}]
        if rest:
            yield f"Only in {_name(run)}: {enumerate_some(rest, NAMED)}."


def _task_notes(first: Run, second: Run) -> Iterator[str]:
    texts = [{task["id"]: task["prompt"] for task in run.meta.get("tasks", [])} for run in (first, second)]
    shared = texts[0].keys() & texts[1].keys()
    if other := sorted(task for task in shared if texts[0][task] != texts[1][task]):
        yield f"With different text in the second run: {enumerate_some(other, NAMED)}."
    if alone := len(texts[0].keys() ^ texts[1].keys()):
        yield f"{pluralize(alone, 'task')} in only one run; differences use the tasks that both runs have."
