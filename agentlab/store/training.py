"""What a run records of its training: the weights of each generation, and the rollouts kept to train them."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from agentlab.store.rows import dump
from agentlab.store.store import Store

WEIGHTS = "weights"
"""The name among what a run records of itself: how trained weights are served."""


@dataclass(frozen=True, slots=True)
class TrainedGeneration:
    """The training that made the weights of one condition. `generation=0` has none."""

    condition: str
    recipe: str
    rows: int
    digest: str | None = None
    """Of the weights; None if the training failed."""
    metrics: Mapping[str, float] = field(default_factory=dict[str, float])
    error: str | None = None


def trained(store: Store) -> dict[str, TrainedGeneration]:
    """What is recorded, by condition."""
    rows = store.query("SELECT condition, recipe, rows, digest, metrics, error FROM generations")
    return {
        condition: TrainedGeneration(
            condition, recipe, count, digest, msgspec.json.decode(metrics, type=dict[str, float]), error
        )
        for condition, recipe, count, digest, metrics, error in rows
    }


def set_trained(store: Store, generation: TrainedGeneration) -> None:
    """Records one, in place of an older one of its condition. No rollout may be in flight."""
    row = (
        generation.condition,
        generation.recipe,
        generation.rows,
        generation.digest,
        dump(generation.metrics),
        generation.error,
        time.time(),
    )
    store.write("INSERT OR REPLACE INTO generations VALUES (?, ?, ?, ?, ?, ?, ?)", [row])


def set_kept(store: Store, rows: Sequence[tuple[str, str, float | None, int]]) -> None:
    """Records why rollouts were kept or not: key, reason, value, number of rows. No rollout may be in flight."""
    numbered = [(store.known[key].id, *rest) for key, *rest in rows]
    store.write("INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?)", numbered)


def set_served(store: Store, condition: str, serving: Mapping[str, Any]) -> None:
    """Records how a trained condition is served: `origin` (its generation 0), `generation`, `recipe`, and what the
    trainer gave as `serve` and `systems`. No rollout may be in flight."""
    known = store.meta().get(WEIGHTS, {})
    serving = {**serving, "folder": str(store.folder.resolve())}
    if known.get(condition) != serving:
        store.set_meta({WEIGHTS: {**known, condition: serving}})


def served(meta: Mapping[str, Any], folder: Path) -> dict[str, dict[str, Any]]:
    """What `set_served` recorded, by condition; files in the run's folder have their present path."""
    return {condition: moved(serving, folder) for condition, serving in meta.get(WEIGHTS, {}).items()}


def moved(recorded: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """What was recorded with the run's `folder` beside it, with the run's files named where the folder lies now."""
    text = dump(recorded).replace(dump(recorded["folder"])[1:-1] + "/", dump(str(folder.resolve()))[1:-1] + "/")
    return msgspec.json.decode(text)
