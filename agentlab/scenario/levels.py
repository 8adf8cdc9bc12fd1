"""The levels of a condition, which name it."""

from collections.abc import Mapping
from typing import TypeVar

_Level = TypeVar("_Level")

GENERATION, REPLICATE = "generation", "replicate"
"""The factors of a self-training loop."""


def pooled(levels: Mapping[str, _Level]) -> dict[str, _Level]:
    """The levels that a condition of a loop has in common with its replicates, which contrasts take together."""
    return {factor: level for factor, level in levels.items() if factor != REPLICATE or GENERATION not in levels}


def common(condition: str) -> str:
    """The name that a condition of a loop has in common with its replicates."""
    head, there, _ = condition.rpartition(f",{REPLICATE}=")
    return head if there else condition


def replicate(condition: str) -> int:
    """The number of the replicate that a condition of a loop belongs to; 1 where the loop has none."""
    number = condition.removeprefix(common(condition)).removeprefix(f",{REPLICATE}=")
    return int(number) if number else 1


def named(levels: Mapping[str, str]) -> str:
    """The name of the condition with these levels."""
    return ",".join(f"{factor}={level}" for factor, level in levels.items()) or "all"
