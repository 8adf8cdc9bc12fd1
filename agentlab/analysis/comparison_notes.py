"""What a reader must know of a comparison of two runs."""

from collections.abc import Iterator, Sequence

from agentlab.analysis.contrasts.notes import REJECTED
from agentlab.analysis.row import Row
from agentlab.analysis.unplayed import played, unplayed
from agentlab.judges.added_anchors import late_anchors
from agentlab.runs.frames import Run
from agentlab.scenario.replicates import TOGETHER
from agentlab.text import enumerate_some, pluralize
from agentlab.types import Measure

NAMED = 4
"""Conditions or tasks that a sentence names."""
NOT_RANDOMIZED = (
    "The runs were not randomized against each other: they ran at different times, perhaps with different code and "
    "on different servers. Any of these can cause a difference. To test what you changed, put both arms into one "
    "scenario."
)
UNADJUSTED = "Every row is exploratory, and the 95% intervals are not adjusted for the number of rows."
Both = tuple[Measure, Measure]
"""A measure as either run defines it."""


def comparison_notes(
    first: Run,
    second: Run,
    pairs: Sequence[tuple[str, str]],
    measures: Sequence[Both],
    rows: Sequence[Row],
    chosen: bool,
    paired: bool,
) -> tuple[str, ...]:
    """Of conditions in `pairs` and `measures` of both runs, compared in `rows`; `chosen`: the user named the pair.

    `paired`: the runs share random numbers.
    """
    return (
        NOT_RANDOMIZED,
        UNADJUSTED,
        _pairing(paired),
        *((f"{TOGETHER}.",) if replicated(first, second) else ()),
        *((REJECTED,) if paired and not all(row["paired"] for row in rows) else ()),
        *_part_notes(rows),
        *_measure_notes(measures),
        *(() if chosen else _condition_notes(first, second, pairs)),
        *_task_notes(first, second),
        *_late_notes(first, second),
        *_unplayed_notes(first, second),
    )


def replicated(*runs: Run) -> bool:
    """Whether in any of them an arm is a loop that was trained several times."""
    return any("pooled" in run.meta for run in runs)


def run_name(run: Run) -> str:
    return run.folder.resolve().name


def alike(both: Both) -> bool:
    """Whether the two are on one scale."""
    return both[0].range == both[1].range


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
        if not alike((first, second)):
            ranges = f"{first.range} in the first run and {second.range} in the second"
            yield f"{first.name} is excluded: its range is {ranges}."
        elif first != second:
            yield f"{first.name} is defined differently in the second run; see the differences under measures."


def _condition_notes(first: Run, second: Run, pairs: Sequence[tuple[str, str]]) -> Iterator[str]:
    for run, side in ((first, 0), (second, 1)):
        rest = [str(name) for name in run.rollouts["condition"].unique() if name not in {pair[side] for pair in pairs}]
        if rest:
            yield f"Only in {run_name(run)}: {enumerate_some(rest, NAMED)}."


def _task_notes(first: Run, second: Run) -> Iterator[str]:
    texts = [{task["id"]: task["prompt"] for task in run.meta.get("tasks", [])} for run in (first, second)]
    shared = texts[0].keys() & texts[1].keys()
    if other := sorted(task for task in shared if texts[0][task] != texts[1][task]):
        yield f"With different text in the second run: {enumerate_some(other, NAMED)}."
    if alone := len(texts[0].keys() ^ texts[1].keys()):
        yield f"{pluralize(alone, 'task')} in only one run; differences use the tasks that both runs have."


def _late_notes(first: Run, second: Run) -> Iterator[str]:
    for run in (first, second):
        yield from (f"{run_name(run)}: {late}" for late in late_anchors(run.meta))


def _unplayed_notes(first: Run, second: Run) -> Iterator[str]:
    for run in (first, second):
        if lacking := unplayed(run):
            size, are = pluralize(lacking + played(run), "rollout"), "is" if lacking == 1 else "are"
            yield f"{lacking:,} of {size} of {run.folder} {are} not played yet."
