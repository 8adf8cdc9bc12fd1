"""The change that a user asks a fork for, held against the rollout that is forked."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from agentlab.engine.cut import Cut, ends
from agentlab.engine.intervention import Change, drop, edit, swap
from agentlab.errors import ScenarioError
from agentlab.experiment.resample.parents import Parent
from agentlab.models import ModelSpec, price_known
from agentlab.models.registry import capabilities_of, check_name, mistakes_of
from agentlab.scenario import Condition, Design
from agentlab.scenario.document import suggest
from agentlab.scenario.fields import SettingsFields
from agentlab.scenario.validate import mapping
from agentlab.types import Message, Settings

SWAPPED = "@swapped"
"""The alias of a model that stands in for an agent's own."""


@dataclass(frozen=True, slots=True)
class Swap:
    """Another model behind one agent: an alias of the run's `models:`, or `provider/name`."""

    agent: str
    model: str


def swapped(design: Design, condition: Condition, wanted: Swap) -> tuple[Change, ModelSpec]:
    """The change, whose agent asks the model under the alias `SWAPPED`, and that model.

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
    old, own = condition.models[agent.model], _settings(design.tree, condition.levels, agent.name)
    spec = design.models.get(wanted.model)
    if spec is None:
        if "/" not in wanted.model and ":" not in wanted.model:
            known = suggest(wanted.model, design.models)
            raise ScenarioError(f"{said}: no model {wanted.model!r} in the run; {known} Or name one as provider/name")
        if wrong := check_name(wanted.model):
            raise ScenarioError(f"{said}: {wrong}; or an alias of the run: {', '.join(design.models)}")
        spec = ModelSpec.model_validate({"name": wanted.model, "max_tokens": old.max_tokens})
    if spec == old:
        raise ScenarioError(f"{said}: {wanted.agent} asks {old.name} in {condition.name} anyway; name another model")
    base = spec.settings()
    settings = Settings(**{f.name: own.get(f.name, getattr(base, f.name)) for f in fields(Settings)})
    _fits(said, spec, settings, bool(agent.tools), design)
    return swap(replace(agent, model=SWAPPED, settings=settings), wanted.model), spec


def _fits(said: str, spec: ModelSpec, settings: Settings, tools: bool, design: Design) -> None:
    for setting, right in mistakes_of(spec, settings):
        raise ScenarioError(f"{said}: the agent's {setting} does not fit: {right}")
    if tools and not capabilities_of(spec).tools:
        raise ScenarioError(f"{said}: the agent uses tools, which {spec.name} does not take; name a model that does")
    limited = design.limits.run.cost is not None or design.limits.rollout.cost is not None
    if limited and not price_known(spec):
        raise ScenarioError(
            f"{said}: the run has a cost limit, and {spec.name} no known price; add it to models: first"
        )


def _settings(tree: Mapping[str, Any], levels: Mapping[str, str], agent: str) -> dict[str, Any]:
    """The agent's own settings, as its condition has them."""
    found: dict[str, Any] = {}
    for section in (tree, *(mapping(mapping(tree.get("factors")).get(f)).get(level) for f, level in levels.items())):
        agents = mapping(mapping(mapping(section).get("organization")).get("agents"))
        found |= mapping(mapping(agents.get(agent)).get("settings"))
    told = SettingsFields.model_validate(found).model_dump()
    return {name: value for name, value in told.items() if value is not None}


def dropped(parent: Parent, index: int) -> tuple[Cut, Change]:
    """The end of the round of the message, and its loss. Raises `ScenarioError` when it cannot be lost."""
    return _of(parent, index, "--drop"), drop(index)


def edited(parent: Parent, index: int, text: str) -> tuple[Cut, Change]:
    """The end of the round of the message, and what it says instead. Raises `ScenarioError` when it cannot."""
    cut = _of(parent, index, "--edit")
    if parent.messages[index].content == text:
        raise ScenarioError(f"--edit {index}: the message says that already; give another --text")
    return cut, edit(index, text)


def _of(parent: Parent, index: int, option: str) -> Cut:
    """The cut after which somebody may read the message."""
    if not 0 <= index < len(parent.messages):
        last = len(parent.messages) - 1
        raise ScenarioError(f"{option} {index}: no such message; {parent.place} has messages 0 to {last}, as shown")
    message, kinds = parent.messages[index], parent.condition.organization.kinds
    why = ""
    if message.kind == "task":
        why = "it is the task, and another task is another level of a factor"
    elif message.kind == "closing":
        why = "it is the closing question, which every fork is asked where it comes to that"
    elif kinds[message.kind].fate != "sent":
        why = f"it is a report on what did not arrive ({message.kind})"
    elif Cut(message.round) not in ends(parent.active):
        why = "it is of the last round, after which nobody read anything"
    if why:
        change = [m.index for m in parent.messages if _said(m) and Cut(m.round) in ends(parent.active)]
        known = ", ".join(map(str, change[:24])) or "none"
        raise ScenarioError(f"{option} {index}: {why}; messages that can be changed: {known}")
    return Cut(message.round)


def _said(message: Message) -> bool:
    """Whether an agent wrote it to another."""
    return not message.sender.startswith("@") and any(not name.startswith("@") for name in message.to)
