"""What several tries are worth on measures that are right or wrong: one right, all right, the most frequent right."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

import pandas as pd

from agentlab.analysis.analysis import Analysis
from agentlab.analysis.cells import alike, listed
from agentlab.analysis.components.judge_noise import noiseless
from agentlab.analysis.direction import best
from agentlab.analysis.remarks import Remarks, by_reason
from agentlab.analysis.row import Row, ends
from agentlab.analysis.suppressed import suppressed_measures
from agentlab.errors import AnalysisError
from agentlab.judges import traits
from agentlab.runs.frames import Run
from agentlab.runs.frames.clusters import cluster_codes
from agentlab.runs.frames.measures import by_status, verdicts_of
from agentlab.stats.estimate import Estimate
from agentlab.stats.passes import Counts, Pass, all_right, majority, one_right, passes
from agentlab.text import pluralize
from agentlab.types import Measure

KINDS: dict[str, Callable[[Counts, int], float]] = {"pass_at": one_right, "pass_all": all_right, "majority": majority}
"""pass@k, pass^k and maj@k by the names of their columns."""
ABOUT = (
    "pass at: at least one of k is right (pass@k); pass all: all k are right (pass^k); majority: the most frequent "
    "answer is right, with ties broken at random (maj@k); rollouts without an answer count as the same wrong answer "
    "if the measure gives their status, or `unparsed`, the value of a wrong answer"
)
NO_ANSWER = "no answer"


def tries(run: Run, measure: str | None = None, k: str | None = None) -> Analysis:
    """By measure and condition, for k = 1, 2, 4, … up to the draws that every task has, or for `k` such as `1,5,10`.

    Raises AnalysisError where no measure is right or wrong, or `k` is more than the draws.
    """
    wanted = _asked(k)
    new_task_rows, these_task_rows, remarks = list[Row](), list[Row](), Remarks()
    notes = dict.fromkeys([ABOUT])
    reasons, binary = suppressed_measures(run), _binary(run, measure)
    suppressed_notes = [f"{m.name}: suppressed: {reasons[m.name]}" for m in binary if m.name in reasons]
    if len(suppressed_notes) == len(binary):
        raise AnalysisError(by_reason(suppressed_notes))
    notes |= dict.fromkeys(suppressed_notes)
    for m in (m for m in binary if m.name not in reasons):
        if not noiseless(run, m.judge):
            notes[f"{m.name}: judge noise is not separable, because one judge draw decides what is right"] = None
        for condition, counted, lost in _counted(run, m):
            tasks, clusters = [*counted.values()], cluster_codes(run.clusters, counted)
            draws = min(sum(counts) for counts in tasks)
            if wanted and max(wanted) > draws:
                raise AnalysisError(
                    f"k = {max(wanted)}, but {condition} has a task with {draws} scored draws of {m.name}"
                )
            if lost:
                notes[f"{m.name}, {condition}: {pluralize(lost, 'rollout')} without a score excluded"] = None
            for size in wanted or _sizes(draws):
                results = {name: passes(tasks, size, worth, clusters=clusters) for name, worth in KINDS.items()}
                head: Row = {"measure": m.name, "condition": condition, "k": size, "tasks": len(tasks), "draws": draws}
                new_task_rows.append(_row(head, results, lambda result: result.new_tasks))
                these_task_rows.append(_row(head, results, lambda result: result.these_tasks))
                for note in _notes(results):
                    remarks.add(f"{m.name}, k = {size}{note}", condition)
    tables = {"new_tasks": pd.DataFrame(new_task_rows), "these_tasks": pd.DataFrame(these_task_rows)}
    told = (*notes, *remarks.notes(run.rollouts["condition"].nunique()))
    return Analysis("passes", "Several tries", _says(tables["new_tasks"]), tables, told, result=_result)


def _result(tables: Mapping[str, pd.DataFrame]) -> str:
    """What the most tries are worth, by the first measure."""
    table = tables["new_tasks"]
    most = alike(alike(table, "measure").sort_values("k", ascending=False, kind="stable"), "k")
    head = f"{most['measure'].iloc[0]}: at least one of {pluralize(int(most['k'].iloc[0]), 'try', 'tries')} succeeds"
    return f"{head}: {listed(most, 'condition', 'pass at')}."


def _says(table: pd.DataFrame) -> str:
    arms, tasks = table["condition"].nunique(), table["tasks"].max()
    known = table.filter(like="_low").notna().any(axis=None)
    about = "intervals are about new tasks" if known else "too few tasks for conclusions about new tasks"
    return (
        f"Success with k tries on {pluralize(tasks, 'task')} in {pluralize(arms, 'arm')}, from all subsets of k "
        f"among the {pluralize(table['draws'].min(), 'draw')} or more of each task; {about}."
    )


def _asked(k: str | None) -> list[int]:
    parts = k.split(",") if k else []
    if any(not part.strip().isdigit() or int(part) < 1 for part in parts):
        raise AnalysisError(f"k = {k!r}; give whole numbers from 1, such as 1,5,10")
    return [int(part) for part in parts]


def _sizes(draws: int) -> list[int]:
    return [size for size in (1, 2, 4, 8, 16, 32, 64, 128) if size <= draws]


def _binary(run: Run, measure: str | None) -> Sequence[Measure]:
    """Measures of one criterion that is only ever at the ends of its scale, by one draw of a judge."""
    binary: list[Measure] = []
    for m in run.measured:
        scores = _scores(run, m)
        ends = set(next(iter(m.scales.values()))) if len(m.scales) == 1 else set[float]()
        values = set(scores["value"].dropna())
        if values and values <= ends and scores["judge_draw"].nunique() == 1:
            binary.append(m)
    if measure is not None:
        binary = [m for m in binary if m.name == measure]
    if not binary:
        raise AnalysisError(
            f"{run.folder} has no {'measure' if measure is None else repr(measure)} that one judge draw scores as "
            f"right or wrong; a `match` judge provides one: agentlab judge RUN --with final_number"
        )
    return binary


def _scores(run: Run, m: Measure) -> pd.DataFrame:
    """The verdicts of a measure of one criterion; a status may be worth something that is neither right nor wrong."""
    verdicts = verdicts_of(by_status(run.scores, run.rollouts, m), m)
    ends = [end for scale in m.scales.values() for end in scale]
    neither = verdicts["outcome"].isin(list(m.values)) & ~verdicts["value"].isin(ends)
    return verdicts.assign(value=verdicts["value"].mask(neither))


def _counted(run: Run, m: Measure) -> Iterator[tuple[str, dict[str, list[int]], int]]:
    """By condition, the counts of each task and how many rollouts have no score."""
    ((criterion, (_, top)),) = m.scales.items()
    right = top if traits(run.meta, m.judge).target else best(m, criterion)
    scored = _scores(run, m).dropna(subset="value")
    arms = dict(zip(run.rollouts["rollout"].tolist(), run.rollouts["condition"].astype("str").tolist(), strict=True))
    answers: dict[str, dict[str, Counter[str | None]]] = {str(arm): {} for arm in run.conditions["condition"]}
    labels, values = scored["label"].fillna(NO_ANSWER).tolist(), scored["value"].tolist()
    rows = zip(scored["rollout"].tolist(), scored["task"].tolist(), values, labels, strict=True)
    for rollout, task, value, label in rows:
        if rollout in arms:
            answers[arms[rollout]].setdefault(str(task), Counter())[None if value == right else label] += 1
    sizes = Counter(arms.values())
    for arm, tasks in answers.items():
        lost = sizes[arm] - sum(counts.total() for counts in tasks.values())
        if tasks:
            yield arm, {task: [n.pop(None, 0), *sorted(n.values(), reverse=True)] for task, n in tasks.items()}, lost


def _notes(results: Mapping[str, Pass]) -> Iterator[str]:
    """Each once, after the columns that it is about, unless these are all."""
    for note in dict.fromkeys(note for result in results.values() for note in result.notes):
        about = [name.replace("_", " ") for name, result in results.items() if note in result.notes]
        yield f", {', '.join(about)}: {note}" if len(about) < len(results) else f": {note}"


def _row(head: Row, results: dict[str, Pass], interval: Callable[[Pass], Estimate]) -> Row:
    row = {**head}
    for name, result in results.items():
        row |= {name: result.value, **ends(name, interval(result))}
    return row
