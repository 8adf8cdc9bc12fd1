"""Arms that differ in how much their models may reason, compared on the tasks of both."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from agentlab.analysis.incoherence.differences import NO_DIFFERENCE, separable
from agentlab.analysis.incoherence.predictions import Predictions
from agentlab.analysis.remarks import Remarks
from agentlab.analysis.row import Row
from agentlab.experiment.confounds import confounds
from agentlab.runs.frames import Run
from agentlab.runs.frames.clusters import cluster_codes
from agentlab.stats.estimate import Estimate
from agentlab.stats.incoherence.halves import Half, Halves, TaskDraws
from agentlab.stats.incoherence.incoherence import difference, incoherence
from agentlab.stats.jackknife import Clusters, of_sums, quotient
from agentlab.stats.task_mean import task_mean

QUANTITIES = ("length", "error", "bias2", "variance", "incoherence")


def budgets(run: Run, remarks: Remarks) -> list[tuple[str, str, str]]:
    """Pairs of conditions that differ in one factor and in the `reasoning` setting: a, b, and what they have in common.

    What else differs between them is remarked.
    """
    rows = [{str(key): value for key, value in row.items()} for row in run.conditions.to_dict("records")]
    pairs: list[tuple[str, str, str]] = []
    for a, b in combinations(rows, 2):
        apart = [factor for factor in run.factors if a[factor] != b[factor]]
        if len(apart) != 1 or not _reason_apart(_reasoning(a["facts"]), _reasoning(b["facts"])):
            continue
        within = ",".join(f"{factor}={a[factor]}" for factor in run.factors if factor not in apart)
        pairs.append((str(a["condition"]), str(b["condition"]), within))
        if others := confounds(a["facts"], b["facts"], without=("reasoning",)):
            remarks.add(f"{a['condition']} and {b['condition']} differ in more than reasoning: {', '.join(others)}")
    return pairs


def effort(
    pair: tuple[Predictions, Predictions],
    draws: Mapping[str, Sequence[TaskDraws]],
    split: Mapping[str, Halves],
    run: Run,
    remarks: Remarks,
) -> Iterator[Row]:
    """A row per quantity, a less b on the tasks of both; `halves_a` and `halves_b` are long less short within an arm.

    `draws` (as of `Predictions.tasks`) and `split` are by arm. An arm that could not be split has no `halves`. Where
    judge noise is not separable, arms are not compared in what it adds to: bias², variance, incoherence.
    """
    tasks = sorted(set(pair[0].tasks) & set(pair[1].tasks))
    if not tasks:
        return
    judged = not all(separable(run, arm) for arm in pair)
    if judged:
        remarks.add(f"{pair[0].measure.name}, effort: {NO_DIFFERENCE.format(judge=pair[0].measure.judge)}")
    clusters = cluster_codes(run.clusters, tasks)
    parts = [arm.among(tasks).parts() for arm in pair]
    by_task = {
        "length": [_lengths(arm, draws[arm.arm], tasks) for arm in pair],
        "error": [part.error_t for part in parts],
        "bias2": [part.bias2_t for part in parts],
        "variance": [part.variance_t for part in parts],
    }
    apart = {name: _mean(a - b, clusters) for name, (a, b) in by_task.items()}
    apart["incoherence"] = difference(parts[0], parts[1], clusters=clusters)
    values: dict[str, list[float | None]] = {
        name: [float(a.mean()), float(b.mean())] for name, (a, b) in by_task.items()
    }
    values["incoherence"] = [incoherence(part).ratio.value for part in parts]
    natural = [_natural(split.get(arm.arm)) for arm in pair]
    estimates = {name: apart[name] for name in (QUANTITIES[:2] if judged else QUANTITIES)}
    for note in _notes(estimates):
        remarks.add(f"{pair[0].measure.name}, effort, {note}")
    for name, estimate in estimates.items():
        head: Row = {"quantity": name, "of_a": values[name][0], "of_b": values[name][1]}
        ends: Row = {"difference": estimate.value, "low": estimate.low, "high": estimate.high, "p": estimate.p}
        yield {**head, **ends, "halves_a": natural[0].get(name), "halves_b": natural[1].get(name), "tasks": len(tasks)}


def _notes(estimates: Mapping[str, Estimate]) -> Iterator[str]:
    """Each note of the estimates once, after the quantities that it is about."""
    for note in dict.fromkeys(note for estimate in estimates.values() for note in estimate.notes):
        yield f"{', '.join(name for name, estimate in estimates.items() if note in estimate.notes)}: {note}"


def _reasoning(facts: Mapping[str, Any]) -> dict[str, str]:
    """By agent."""
    agents: Mapping[str, Mapping[str, Mapping[str, Any]]] = facts.get("agents", {})
    return {name: str(agent["settings"].get("reasoning")) for name, agent in agents.items()}


def _reason_apart(a: Mapping[str, str], b: Mapping[str, str]) -> bool:
    """Whether an agent of both is set otherwise, or one arm has a setting that the other has not: that it has other
    agents is no such difference."""
    return any(a[name] != b[name] for name in a.keys() & b.keys()) or {*a.values()} != {*b.values()}


def _lengths(arm: Predictions, draws: Sequence[TaskDraws], tasks: Sequence[str]) -> Any:
    known = {task: float(task_draws.lengths.mean()) for task, task_draws in zip(arm.tasks, draws, strict=True)}
    return np.array([known[task] for task in tasks])


def _mean(gaps: Any, clusters: Clusters) -> Estimate:
    """With the interval over tasks and the p that contrasts have."""
    of_t = of_sums(np.column_stack([gaps, np.ones(len(gaps))]), quotient, clusters=clusters)
    if of_t.low is None:
        return of_t
    found = task_mean(gaps, clusters).interval()
    return replace(of_t, value=float(gaps.mean()), low=found.low, high=found.high, se=found.se, df=found.df, p=found.p)


def _natural(halves: Halves | None) -> dict[str, float | None]:
    """Long less short, by quantity."""
    return {} if halves is None else {name: _gap(halves.short, halves.long, name) for name in QUANTITIES}


def _gap(short: Half, long: Half, name: str) -> float | None:
    shorter, longer = getattr(short, name), getattr(long, name)
    return None if shorter is None or longer is None else longer - shorter
