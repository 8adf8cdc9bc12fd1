"""The parts of the tasks of a self-training loop, as a run recorded them."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import structs

from agentlab.experiment import asked
from agentlab.mapping import mapping
from agentlab.scenario.declared import Declared, Same
from agentlab.scenario.levels import REPLICATE, common, pooled

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
        names = {name for part in parts for name in part["conditions"]}
        arm = [name for name in names if name == condition or ("pooled" in meta and common(name) == condition)]
        wanted = [asked.planned(parts, name) for name in arm]
        return sum(of_name.get(str(task["id"]), 0) for of_name in wanted for task in tasks)
    if not draws:
        return len(tasks) * int(meta.get("draws", 0))
    return int(meta.get("pooled", 1)) * sum(draws.get(str(task.get("split")), 0) for task in tasks)


def without_replicates(meta: Mapping[str, Any]) -> dict[str, Any]:
    """The same of a run whose replicates are taken together, so many of which are in `pooled`.

    A contrast that the run recorded of each replicate is one.
    """
    compare = mapping(meta.get("compare"))
    primary = dict[Same, dict[str, Any]]()
    for entry in compare.get("primary", ()):
        contrast = _pooled(entry["contrast"])
        primary.setdefault(contrast.same, {**entry, "contrast": structs.asdict(contrast)})
    exploratory = compare.get("exploratory")
    if exploratory is not None:
        by_same = {contrast.same: structs.asdict(contrast) for contrast in map(_pooled, exploratory)}
        exploratory = [*by_same.values()]
    return {
        **meta,
        "factors": pooled(meta["factors"]),
        "pooled": len(meta["factors"][REPLICATE]),
        "compare": {**compare, "primary": [*primary.values()], "exploratory": exploratory},
    }


def _pooled(contrast: Mapping[str, Any]) -> Declared:
    declared = msgspec.convert(contrast, Declared)
    return structs.replace(declared, others=pooled(declared.others))


def held_out(meta: Mapping[str, Any]) -> dict[str, Any]:
    """The same with the tasks that are held out, and their draws."""
    held_out = {name for name, role in roles(meta).items() if role == HOLD_OUT}
    draws = max((count for name, count in split_draws(meta).items() if name in held_out), default=0)
    return {**meta, "tasks": [task for task in meta["tasks"] if task.get("split") in held_out], "draws": draws}
