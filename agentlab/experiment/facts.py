"""What is recorded of a condition: enough to show what its agents saw and to say how it differs from another."""

from collections.abc import Mapping
from typing import Any

from agentlab.interfaces import Routing
from agentlab.models.spec import ModelSpec
from agentlab.models.weights import identified
from agentlab.organization.protocols import board_of
from agentlab.scenario.condition import Condition
from agentlab.seeds import digest
from agentlab.types import OUTPUT, TASK


def facts(condition: Condition) -> dict[str, Any]:
    """The condition without its modules and models. Values may be dataclasses; stored, they are JSON objects."""
    organization = condition.organization
    return {
        "identity": condition.identity,
        "exposures": condition.exposures,
        "addenda": {name: {"text": added.text, "to": added.to} for name, added in condition.addenda.items()},
        "tasks": {id: digest(text) for id, text in condition.questions.items()},
        "protocol": type(organization.protocol).__name__.lower(),
        "rules": condition.protocol,
        "length": getattr(organization.protocol, "length", None),
        "kinds": organization.kinds,
        "tags": organization.protocol.tags,
        "view": organization.hooks.view is not None,
        "board": board_of(organization.protocol),
        "workspace": organization.hooks.workspace is not None,
        "contacts": contacts(organization.protocol),
        "rounds": organization.rounds,
        "calls": organization.calls,
        "turn": organization.turn,
        "programs": _programs(condition),
        "steps": getattr(organization.protocol, "described", {}),
        "baseline": condition.baseline,
        "improve": None if condition.loop is None else condition.loop.fields.model_dump(mode="json"),
        "inference": None if condition.inference is None else condition.inference.model_dump(),
        "closing": organization.closing,
        "briefed": sorted(organization.protocol.briefed),
        "agents": {
            agent.name: {
                "system": agent.system,
                "manual": organization.manuals[agent.name],
                "model": condition.models[agent.model].name,
                "served": _served(condition.models[agent.model]),
                "settings": agent.settings,
                "memory": agent.memory,
                "tools": agent.offered,
                "guide": agent.guide,
            }
            for agent in organization.agents
        },
    }


def _programs(condition: Condition) -> dict[str, Any] | None:
    """The model that programs of agents may ask."""
    programs = condition.organization.programs
    if programs is None:
        return None
    spec = condition.models[programs.model]
    return {"model": spec.name, "served": _served(spec), "tokens": programs.tokens, "settings": programs.settings}


def _served(spec: ModelSpec) -> str | None:
    """A digest of what makes a model of the same name another one: its address, options, body and dialect."""
    patch = spec.capabilities
    dialect = (patch.system, patch.opens_thought) if patch else (None, None)
    if not (spec.base_url or spec.options or spec.body or dialect != (None, None)):
        return None
    return digest(spec.base_url, identified(spec.options), spec.body, *dialect)


def contacts(protocol: Routing) -> Mapping[str, tuple[str, ...]]:
    """Who may write to whom, from `@task` to `@output`; other pseudo-members are left out."""
    readers = {
        name: tuple(other for other in others if other == OUTPUT or not other.startswith("@"))
        for name, others in protocol.edges.items()
        if name == TASK or not name.startswith("@")
    }
    return {name: others for name, others in readers.items() if others}
