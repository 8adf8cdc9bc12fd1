"""Two runs beside each other: in what they differ, and what came of it by condition and measure."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from agentlab.analysis.analysis import Analysis
from agentlab.analysis.comparison_notes import NAMED, Both, alike, comparison_notes, replicated, run_name
from agentlab.analysis.conclusion import Outcome, conclude
from agentlab.analysis.contrasts.difference import ArmValues, arm_values
from agentlab.analysis.contrasts.missing import missing_values
from agentlab.analysis.contrasts.rejected import rejected_alike
from agentlab.analysis.measure_summary import measure_summaries
from agentlab.analysis.outcome_range import outcome_range
from agentlab.analysis.row import Row, ends, estimated
from agentlab.analysis.run_differences import run_differences
from agentlab.analysis.suppressed import suppressed
from agentlab.analysis.unplayed import due
from agentlab.errors import AnalysisError
from agentlab.pairing import draws_are_pairs
from agentlab.runs.frames import Run
from agentlab.runs.frames.pairing import ArmPairs, pair_arms
from agentlab.stats.arm_mean import arm_mean
from agentlab.stats.contrasts.paired import Paired
from agentlab.suggestion import suggest
from agentlab.text import enumerate_some, pluralize
from agentlab.types import Measure

LEVEL = 0.95


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
    compared = [measure for measure in measures if alike(measure)]
    rows = [row for names in pairs for row in _rows(first, second, names, compared, paired)]
    differences = run_differences(first, second)
    names = [run_name(run) for run in (first, second)]
    sentence = (
        f"{pluralize(len(pairs), 'condition')} and {pluralize(len(measures), 'measure')} in both runs; the runs differ "
        f"in {pluralize(len(differences), 'place')}."
    )
    notes = comparison_notes(first, second, pairs, measures, rows, a is not None, paired)
    tables = {"measures": pd.DataFrame(rows), "differences": differences}
    return Analysis("compare", f"{names[0]} and {names[1]}", sentence, tables, notes, shown=2)


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


def _rows(first: Run, second: Run, names: tuple[str, str], measures: Sequence[Both], paired: bool) -> Iterator[Row]:
    """Of one condition of both runs, which is paired once for all measures."""
    arms = [
        run.measures[(run.measures["condition"] == condition).to_numpy()]
        for run, condition in zip((first, second), names, strict=True)
    ]
    pairs = pair_arms(arms[1], arms[0]) if paired else None
    yield from (_row(first, second, names, measure, arms, pairs) for measure in measures)


def _row(
    first: Run,
    second: Run,
    names: tuple[str, str],
    measure: Both,
    arms: Sequence[pd.DataFrame],
    pairs: ArmPairs | None,
) -> Row:
    name = measure[0].name
    sides = [
        due(run, definition.judge, arm) for run, arm, definition in zip((first, second), arms, measure, strict=True)
    ]
    paired = pairs is not None and all(rejected_alike(sides[0], sides[1], definition) for definition in measure)
    how = first.replicates if replicated(first) else second.replicates
    values = arm_values(sides[1], sides[0], measure[0], paired, _clusters(first, second), how, pairs)
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
    return conclude(outcome, run_name(second), run_name(first), contrast.difference, sign)


def _alike_pairs(values: ArmValues) -> bool:
    """Whether draws are pairs, and every complete pair has one score twice."""
    a, b = values.values
    known = ~(np.isnan(a) | np.isnan(b)) if values.pairs else np.zeros(0, dtype=bool)
    return bool(known.any()) and bool((a[known] == b[known]).all())
