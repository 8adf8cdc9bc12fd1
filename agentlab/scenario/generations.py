"""Generations and replicates of a loop as levels of two factors, so that no analysis mixes different weights."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from agentlab.scenario.condition import Condition, named
from agentlab.scenario.fields import ExperimentFields
from agentlab.scenario.improve import Improve

GENERATION, REPLICATE = "generation", "replicate"


def with_generations(plan: ExperimentFields, loop: Improve | None) -> ExperimentFields:
    """The plan with the factors of a loop, for what names levels; without a loop, the plan."""
    if loop is None:
        return plan
    factors = {**plan.factors, GENERATION: _numbered(0, loop.fields.generations)}
    if loop.fields.replicates > 1:
        factors[REPLICATE] = _numbered(1, loop.fields.replicates)
    return plan.model_copy(update={"factors": factors})


def _numbered(first: int, last: int) -> Mapping[str, Mapping[str, str]]:
    return {str(number): {} for number in range(first, last + 1)}


def base(conditions: Sequence[Condition]) -> list[Condition]:
    """Generation 0 of every condition that learns, in each replicate."""
    found: list[Condition] = []
    for one in conditions:
        if one.loop is None:
            found.append(one)
            continue
        several = one.loop.fields.replicates > 1
        for replicate in range(1, one.loop.fields.replicates + 1):
            levels = {**one.levels, GENERATION: "0"} | ({REPLICATE: str(replicate)} if several else {})
            coupling = f"{REPLICATE}={replicate}" if replicate > 1 else ""
            found.append(replace(one, name=named(levels), levels=levels, coupling=coupling))
    return found


def later(condition: Condition, generation: int) -> dict[str, str]:
    """The levels of a later generation of the condition."""
    return {**condition.levels, GENERATION: str(generation)}
