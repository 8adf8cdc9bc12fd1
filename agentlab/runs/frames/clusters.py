"""Clusters of tasks: those that share a source, by the field of the tasks that the run's `cluster` names."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentlab.errors import AnalysisError
from agentlab.stats.rows import codes_of


def clusters_of(meta: Mapping[str, Any]) -> dict[str, str]:
    """By task its cluster, of a run's meta; empty where no field is named, and each task stands for itself.

    Raises AnalysisError where a task has no such field, naming those that all tasks have.
    """
    field = meta.get("cluster")
    if field is None:
        return {}
    fields: dict[str, dict[str, Any]] = {task["id"]: task.get("fields", {}) for task in meta.get("tasks", [])}
    lacking = [name for name, own in fields.items() if own.get(field) is None]
    if lacking:
        first = next(iter(fields.values()))
        shared = ", ".join(name for name in first if all(name in own for own in fields.values())) or "none"
        raise AnalysisError(
            f"cluster {field!r}: task {lacking[0]!r} does not have this field; fields of all tasks: {shared}"
        )
    return {name: str(own[field]) for name, own in fields.items()}


def cluster_codes(clusters: Mapping[str, str], tasks: Iterable[str]) -> NDArray[np.intp] | None:
    """For each of the tasks the number of its cluster, from 0 in order of appearance; None without clusters."""
    return codes_of(clusters[task] for task in tasks) if clusters else None
