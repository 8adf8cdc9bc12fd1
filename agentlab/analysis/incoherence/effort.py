"""Arms that differ in how much their models may reason, compared on the tasks of both."""

from collections.abc import Iterator, Mapping, Sequence
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
from agentlab.stats.jackknife import Clusters, of_sums, quotient, tested

QUANTITIES = ("length", "error", "bias2", "variance", "incoherence")


def budgets(run: Run, remarks: Remarks) -> list[tuple[str, str, str]]:
    """Pairs of conditions that differ in one factor and in the `reasoning` setting: a, b, and what they have in common.

    What else differs between them is remarked.
    """
    rows = [{str(key): value for key, value in row.items()} for row in run.conditions.to_dict("records")]
    found: list[tuple[str, str, str]] = []
    for a, b in combinations(rows, 2):
        apart = [factor for factor in run.factors if a[factor] != b[factor]]
        if len(apart) != 1 or _reasoning(a["facts"]) == _reasoning(b["facts"]):
            continue
        within = ",".join(f"{factor}={a[factor]}" for factor in run.factors if factor not in apart)
        found.append((str(a["condition"]), str(b["condition"]), within))
        if others := confounds(a["facts"], b["facts"], without=("reasoning",)):
            remarks.add(f"{a['condition']} and {b['condition']} differ in more than reasoning: {', '.join(others)}")
    return found


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
    judged = not all(separable(run, one) for one in pair)
    if judged:
        remarks.add(f"{pair[0].measure.name}, effort: {NO_DIFFERENCE.format(judge=pair[0].measure.judge)}")
    clusters = cluster_codes(run.clusters, tasks)
    parts = [one.among(tasks).parts() for one in pair]
    means = [_lengths(one, draws[one.arm], tasks) for one in pair]
    by_task = {
        "length": means,
        "error": [one.error_t for one in parts],
        "bias2": [one.bias2_t for one in parts],
        "variance": [one.variance_t for one in parts],
    }
    apart = {name: _mean(own - other, clusters) for name, (own, other) in by_task.items()}
    apart["incoherence"] = difference(parts[0], parts[1], clusters=clusters)
    values: dict[str, list[float | None]] = {
        name: [float(own.mean()) for own in both] for name, both in by_task.items()
    }
    values["incoherence"] = [incoherence(one).ratio.value for one in parts]
    natural = [_natural(split.get(one.arm)) for one in pair]
    told = QUANTITIES[:2] if judged else QUANTITIES
    for note in dict.fromkeys(note for name in told for note in apart[name].notes):
        of = ", ".join(name for name in told if note in apart[name].notes)
        remarks.add(f"{pair[0].measure.name}, effort, {of}: {note}")
    for name in told:
        found = apart[name]
        head: Row = {"quantity": name, "of_a": values[name][0], "of_b": values[name][1]}
        ends: Row = {"difference": found.value, "low": found.low, "high": found.high, "p": found.p}
        yield {**head, **ends, "halves_a": natural[0].get(name), "halves_b": natural[1].get(name), "tasks": len(tasks)}


def _reasoning(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    agents: Mapping[str, Mapping[str, Mapping[str, Any]]] = facts.get("agents", {})
    return sorted((name, str(agent["settings"].get("reasoning"))) for name, agent in agents.items())


def _lengths(arm: Predictions, draws: Sequence[TaskDraws], tasks: Sequence[str]) -> Any:
    known = {task: float(one.lengths.mean()) for task, one in zip(arm.tasks, draws, strict=True)}
    return np.array([known[task] for task in tasks])


def _mean(gaps: Any, clusters: Clusters) -> Estimate:
    """With the t interval over tasks and its p."""
    return tested(of_sums(np.column_stack([gaps, np.ones(len(gaps))]), quotient, clusters=clusters))


def _natural(found: Halves | None) -> dict[str, float | None]:
    """Long less short, by quantity."""
    return {} if found is None else {name: _gap(found.short, found.long, name) for name in QUANTITIES}


def _gap(short: Half, long: Half, name: str) -> float | None:
    one, other = getattr(short, name), getattr(long, name)
    return None if one is None or other is None else other - one
