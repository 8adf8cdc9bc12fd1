"""Another model behind one agent of a fork, held against the design of the run."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from agentlab.engine.intervention import Change, swap
from agentlab.errors import ScenarioError
from agentlab.mapping import mapping
from agentlab.models.prices import price_mistake
from agentlab.models.registry import capabilities_of, check_name, mistakes_of
from agentlab.models.spec import ModelSpec
from agentlab.scenario.condition import Condition
from agentlab.scenario.design import Design
from agentlab.scenario.fields import SettingsFields
from agentlab.suggestion import suggest
from agentlab.types import Settings

SWAPPED = "@swapped "
"""How the aliases begin of models that stand in for an agent's own."""


@dataclass(frozen=True, slots=True)
class Swap:
    """Another model behind one agent: an alias under `models:`, as its condition has it, or `provider/name`."""

    agent: str
    model: str


def swapped(design: Design, condition: Condition, wanted: Swap) -> tuple[Change, ModelSpec]:
    """The change, whose agent asks the model under an alias of its own, and that model.

    An agent keeps its own settings; of its model's, only `max_tokens` stays, unless the new one is an alias, which has
    its own. Raises `ScenarioError` for an unknown agent or model, or one that does not take what the agent needs.
    """
    agent = condition.organization.roster.get(wanted.agent)
    said = f"--swap {wanted.agent}={wanted.model}"
    if agent is None:
        raise ScenarioError(
            f"{said}: no agent {wanted.agent!r} in {condition.name}; "
            f"{suggest(wanted.agent, condition.organization.roster)}"
        )
    old, own_settings = condition.models[agent.model], _settings(design.tree, condition.levels, agent.name)
    known = {**design.models, **condition.models}
    spec = known.get(wanted.model)
    if spec is None:
        if "/" not in wanted.model and ":" not in wanted.model:
            nearest = suggest(wanted.model, known)
            raise ScenarioError(
                f"{said}: no model {wanted.model!r} in the run; {nearest}; or name a model as provider/name"
            )
        if wrong := check_name(wanted.model):
            raise ScenarioError(f"{said}: {wrong}; or an alias of the run: {', '.join(known)}")
        spec = ModelSpec.model_validate({"name": wanted.model, "max_tokens": old.max_tokens})
    if spec == old:
        raise ScenarioError(f"{said}: {wanted.agent} already uses {old.name} in {condition.name}; name another model")
    base = spec.settings()
    settings = Settings(**{f.name: own_settings.get(f.name, getattr(base, f.name)) for f in fields(Settings)})
    _fits(said, spec, settings, bool(agent.tools) and not agent.guide, design)
    alias = f"{SWAPPED}{wanted.agent}={wanted.model}"
    return swap(replace(agent, model=alias, settings=settings), wanted.model), spec


def _fits(said: str, spec: ModelSpec, settings: Settings, tools: bool, design: Design) -> None:
    for setting, right in mistakes_of(spec, settings):
        raise ScenarioError(f"{said}: the agent's {setting} does not fit: {right}")
    if tools and not capabilities_of(spec).tools:
        raise ScenarioError(
            f"{said}: the agent's model calls tools by itself, which {spec.name} does not; name a model that does"
        )
    for name, limit in (("run", design.limits.run), ("rollout", design.limits.rollout)):
        if limit.cost is not None and (wrong := price_mistake(spec, f"limits.{name}.cost")):
            raise ScenarioError(f"{said}: {wrong}; add a price under models: first")


def _settings(tree: Mapping[str, Any], levels: Mapping[str, str], agent: str) -> dict[str, Any]:
    """The agent's own settings, as its condition has them."""
    given: dict[str, Any] = {}
    for section in (tree, *(mapping(mapping(tree.get("factors")).get(f)).get(level) for f, level in levels.items())):
        agents = mapping(mapping(mapping(section).get("organization")).get("agents"))
        given |= mapping(mapping(agents.get(agent)).get("settings"))
    settings = SettingsFields.model_validate(given).model_dump()
    return {name: value for name, value in settings.items() if value is not None}
