"""The identity of a condition: a hash of all that decides its rollouts."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from agentlab.models.spec import ModelSpec
from agentlab.models.weights import identified
from agentlab.organization.agents import Agent, Organization, TurnLimits
from agentlab.seeds import digest, plain
from agentlab.types import Settings, ToolSpec

OPERATIONAL = frozenset(
    (
        "price",
        "requests_per_minute",
        "tokens_per_minute",
        "concurrency",
        "processes",
        "timeout",
        "tries",
        "max_reply_mb",
        "api_key_env",
    )
)
"""Fields of a model that say how it is reached, not what it answers: no part of an identity."""


def identity_of(
    organization: Organization,
    specs: Mapping[str, ModelSpec],
    protocol_fields: Mapping[str, Any],
    writers: tuple[str, ...],
    addenda: list[dict[str, Any]],
) -> str:
    """What an agent calls its model does not count, what the model is does."""
    left_out = {*OPERATIONAL, *(f.name for f in fields(Settings))}
    dumped = {
        alias: {**spec.model_dump(mode="json", exclude=left_out), "options": identified(spec.options)}
        for alias, spec in specs.items()
    }
    agents = [
        (a.name, a.system, dumped[a.model], plain(a.settings), a.memory, [*map(_tool, a.offered)], *_guide(a))
        for a in organization.agents
    ]
    more: list[Any] = [organization.turn] if organization.turn != TurnLimits() else []
    if (programs := organization.programs) is not None:
        more.append(("programs", dumped[programs.model], programs.tokens, programs.settings))
    return digest(
        agents, protocol_fields, organization.rounds, organization.closing, writers, organization.calls, addenda, *more
    )


def _guide(agent: Agent) -> tuple[str, ...]:
    return (agent.guide,) if agent.guide else ()


def _tool(tool: ToolSpec) -> tuple[Any, ...]:
    return tool.name, tool.description, dict(tool.parameters)
