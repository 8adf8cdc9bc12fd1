"""Clusters of tasks: those that share a source, by the field that the run's `cluster` names, or that repeat."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from agentlab.errors import AnalysisError
from agentlab.scenario.repeated import clusters
from agentlab.stats.rows import codes_of
from agentlab.types import Task


def clusters_of(meta: Mapping[str, Any]) -> dict[str, str]:
    """By task its cluster, of a run's meta; empty where each task stands for itself.

    Tasks belong together by the field that is named, and where they have the same prompt and fields.

    Raises AnalysisError where a task has no such field, naming those that all tasks have.
    """
    field = meta.get("cluster")
    tasks = recorded_tasks(meta)
    if field is None:
        return clusters(tasks, None)
    fields: dict[str, dict[str, Any]] = {task.id: dict(task.fields) for task in tasks}
    lacking = [name for name, values in fields.items() if values.get(field) is None]
    if lacking:
        first = next(iter(fields.values()))
        shared = ", ".join(name for name in first if all(name in values for values in fields.values())) or "none"
        raise AnalysisError(
            f"cluster {field!r}: task {lacking[0]!r} does not have this field; fields of all tasks: {shared}"
        )
    return clusters(tasks, str(field))


def recorded_tasks(meta: Mapping[str, Any]) -> list[Task]:
    """The tasks of a run, from its meta."""
    return [msgspec.convert(task, Task) for task in meta.get("tasks", [])]


def cluster_codes(clusters: Mapping[str, str], tasks: Iterable[str]) -> NDArray[np.intp] | None:
    """For each of the tasks the number of its cluster, from 0 in order of appearance; None without clusters."""
    return codes_of(clusters[task] for task in tasks) if clusters else None
