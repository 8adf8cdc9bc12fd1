"""The levels of a condition, which name it."""

from collections.abc import Mapping

GENERATION, REPLICATE = "generation", "replicate"
"""The factors of a self-training loop."""


def named(levels: Mapping[str, str]) -> str:
    """The name of the condition with these levels."""
    return ",".join(f"{factor}={level}" for factor, level in levels.items()) or "all"
