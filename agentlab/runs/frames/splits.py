"""The parts of the tasks of a self-training loop, as a run recorded them."""

from collections.abc import Mapping
from typing import Any

from agentlab.experiment import asked
from agentlab.mapping import mapping
from agentlab.scenario.levels import REPLICATE, pooled

HOLD_OUT = "hold_out"


def roles(meta: Mapping[str, Any]) -> dict[str, str]:
    """The role of each split by its name; empty for a run without a loop."""
    return {name: str(split["role"]) for name, split in _splits(meta).items()}


def split_draws(meta: Mapping[str, Any]) -> dict[str, int]:
    """The planned draws of each split by its name."""
    return {name: int(split.get("draws", 1)) for name, split in _splits(meta).items()}


def _splits(meta: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    improve = mapping(mapping(meta.get("tree")).get("improve"))
    return {name: mapping(split) for name, split in mapping(improve.get("splits")).items()}


def planned(meta: Mapping[str, Any], condition: str) -> int:
    """Rollouts that the commands so far asked of a condition on the tasks of `meta`."""
    draws, tasks = split_draws(meta), meta.get("tasks", ())
    if (parts := meta.get("asked")) is not None:
        wanted = asked.planned(parts, condition)
        return sum(wanted.get(str(task["id"]), 0) for task in tasks)
    if not draws:
        return len(tasks) * int(meta.get("draws", 0))
    return int(meta.get("pooled", 1)) * sum(draws.get(str(task.get("split")), 0) for task in tasks)


def without_replicates(meta: Mapping[str, Any]) -> dict[str, Any]:
    """The same of a run whose replicates are taken together, so many of which are in `pooled`.

    A contrast that the run recorded of each replicate is one.
    """
    compare = mapping(meta.get("compare"))
    primary = {
        _same(entry["contrast"]): {**entry, "contrast": _pooled(entry["contrast"])}
        for entry in reversed(compare.get("primary", ()))
    }
    exploratory = compare.get("exploratory")
    if exploratory is not None:
        exploratory = [*{_same(contrast): _pooled(contrast) for contrast in exploratory}.values()]
    return {
        **meta,
        "factors": pooled(meta["factors"]),
        "pooled": len(meta["factors"][REPLICATE]),
        "compare": {**compare, "primary": [*primary.values()][::-1], "exploratory": exploratory},
    }


def _pooled(contrast: Mapping[str, Any]) -> dict[str, Any]:
    return {**contrast, "others": pooled(contrast["others"])}


def _same(contrast: Mapping[str, Any]) -> tuple[str, ...]:
    others = pooled(contrast["others"])
    return (contrast["factor"], contrast["a"], contrast["b"], contrast["measure"], *map(str, others.items()))


def held_out(meta: Mapping[str, Any]) -> dict[str, Any]:
    """The same with the tasks that are held out, and their draws."""
    held_out = {name for name, role in roles(meta).items() if role == HOLD_OUT}
    draws = max((count for name, count in split_draws(meta).items() if name in held_out), default=0)
    return {**meta, "tasks": [task for task in meta["tasks"] if task.get("split") in held_out], "draws": draws}
