"""Generations and replicates of a loop as levels of two factors, so that no analysis mixes different weights."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from agentlab.models.spec import ModelSpec
from agentlab.organization.agents import Organization
from agentlab.scenario.condition import Condition
from agentlab.scenario.fields import ExperimentFields
from agentlab.scenario.improve import Improve
from agentlab.scenario.improve_fields import MOST_GENERATIONS
from agentlab.scenario.levels import GENERATION, REPLICATE, named
from agentlab.scenario.placeholders import paragraphs
from agentlab.seeds import digest


def with_generations(plan: ExperimentFields, loop: Improve | None, section: Mapping[str, Any]) -> ExperimentFields:
    """The plan with the factors of a loop, for what names levels; without a loop, the plan.

    `section` is the section `improve` as it stands. Its numbers hold where the loop is wrong in something else, so that
    a contrast of generations is no mistake as well.
    """
    if loop is None and not section:
        return plan
    generations = _count(section.get("generations")) if loop is None else loop.fields.generations
    replicates = _count(section.get("replicates", 1)) if loop is None else loop.fields.replicates
    factors = {**plan.factors, GENERATION: _numbered(0, generations)}
    if replicates > 1:
        factors[REPLICATE] = _numbered(1, replicates)
    return plan.model_copy(update={"factors": factors})


def _count(number: object) -> int:
    return number if isinstance(number, int) and 0 < number <= MOST_GENERATIONS else MOST_GENERATIONS


def _numbered(first: int, last: int) -> Mapping[str, Mapping[str, str]]:
    return {str(number): {} for number in range(first, last + 1)}


def base(conditions: Sequence[Condition]) -> list[Condition]:
    """Generation 0 of every condition that learns, in each replicate."""
    learning: list[Condition] = []
    for condition in conditions:
        if condition.loop is None:
            learning.append(condition)
            continue
        several = condition.loop.fields.replicates > 1
        for replicate in range(1, condition.loop.fields.replicates + 1):
            levels = {**condition.levels, GENERATION: "0"} | ({REPLICATE: str(replicate)} if several else {})
            learning.append(replace(condition, name=named(levels), levels=levels, coupling=coupling(replicate)))
    return learning


def coupling(replicate: int) -> str:
    """What keeps the random streams of a replicate from those of the first, which has those of a loop without any."""
    return f"{REPLICATE}={replicate}" if replicate > 1 else ""


def later(condition: Condition, generation: int) -> dict[str, str]:
    """The levels of a later generation of the condition."""
    return {**condition.levels, GENERATION: str(generation)}


def trained(
    origin: Condition, generation: int, recipe: str, serve: Mapping[str, Any], systems: Mapping[str, str]
) -> Condition:
    """A later generation of a condition: `serve` replaces fields of the learning model, `systems` adds to prompts."""
    assert origin.loop is not None
    policy, levels = origin.loop.fields.policy, later(origin, generation)
    return replace(
        origin,
        name=named(levels),
        levels=levels,
        identity=digest(origin.identity, recipe),
        models={**origin.models, policy: served(origin.models[policy], serve)},
        organization=_with_texts(origin.organization, systems),
    )


def served(spec: ModelSpec, serve: Mapping[str, Any]) -> ModelSpec:
    """The model's entry with the fields that a training replaces; options are replaced one by one."""
    entry = spec.model_dump(exclude_unset=True)
    options = {**entry.get("options", {}), **serve.get("options", {})}
    return ModelSpec.model_validate({**entry, **serve, **({"options": options} if options else {})})


def _with_texts(organization: Organization, systems: Mapping[str, str]) -> Organization:
    """With texts added to the system prompts of agents."""
    if not systems:
        return organization
    agents = [
        replace(agent, system=paragraphs(agent.system, systems.get(agent.name, ""))) for agent in organization.agents
    ]
    return replace(organization, agents=tuple(agents))
