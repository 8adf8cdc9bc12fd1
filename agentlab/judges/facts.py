"""What a run records of its judges, and what the rest must know of one beside its criteria."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Two = Literal["better", "same"]


@dataclass(frozen=True, slots=True)
class JudgeTraits:
    """What the rest must know of a judge beside its criteria; recorded with the run."""

    two: Two | None = None
    """What it says of two outputs: which is better, or whether they are the same; None if it scores single ones."""
    target: bool = False
    """It compares with the task's target, so that its highest value is right, whatever a measure makes of it."""
    repeats: str = ""
    """Why every draw of it repeats the first; empty where draws can differ."""
    cases: bool = False
    """Its draws are held-out cases, the same for every rollout of a task: they differ by case, not by judge noise."""
    unproven: str = ""
    """Why nothing is said of who did better by this kind of judge, which ships no anchors; empty where something is."""


def recorded(meta: Mapping[str, Any]) -> dict[str, Any]:
    """The documents of a run's judges by name, as its `meta` holds them, those added later included."""
    return {**(meta.get("tree", {}).get("judges") or {}), **meta.get("added", {})}


def traits(meta: Mapping[str, Any], judge: str) -> JudgeTraits:
    """What a run's `meta` says of one of its judges; nothing of one that it does not know."""
    return JudgeTraits(**meta.get("traits", {}).get(judge, {}))
