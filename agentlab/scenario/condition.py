"""One cell of the design: from a patched document to the organization, models and tasks of a condition."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from agentlab.interfaces import Routing
from agentlab.mapping import mapping
from agentlab.models.registry import capabilities_of
from agentlab.models.spec import ModelSpec
from agentlab.organization import tagged
from agentlab.organization.agents import Agent, Closing, Organization, Programs, TurnLimits
from agentlab.scenario import checks, improve, improve_checks, inference
from agentlab.scenario.asked import asked_tasks, check_prompts, closing_question, tasks
from agentlab.scenario.baseline import STEPS, Baseline, Matched
from agentlab.scenario.document import Keys, Tree
from agentlab.scenario.fields import AddendumFields, AgentFields, ConditionFields, OrganizationFields
from agentlab.scenario.identity import identity_of
from agentlab.scenario.improve import Improve
from agentlab.scenario.inference_fields import InferenceFields
from agentlab.scenario.placeholders import fill, paragraphs
from agentlab.scenario.protocol import Cast, protocol, rounds_of
from agentlab.scenario.settings_fields import merged
from agentlab.scenario.tools import tools as tools_of
from agentlab.scenario.validate import CheckedDocument
from agentlab.seeds import digest
from agentlab.suggestion import suggest
from agentlab.tools import is_of_tickets
from agentlab.types import Task

ORGANIZATION: Keys = ("organization",)


@dataclass(frozen=True, slots=True)
class Condition:
    """One cell: everything that decides what its rollouts are."""

    name: str
    """`team=firm,pressure=neutral`; `all` without factors."""
    levels: Mapping[str, str]
    organization: Organization
    models: Mapping[str, ModelSpec]
    tasks: Mapping[str, Task]
    exposures: Mapping[str, int]
    """For each addendum, how many agents read it."""
    identity: str
    """Over the content; not over names of factors and levels, limits or measures."""
    addenda: Mapping[str, AddendumFields] = field(default_factory=dict[str, AddendumFields])
    questions: Mapping[str, str] = field(default_factory=dict[str, str])
    """The prompts of `tasks` before addenda and closing question."""
    baseline: Baseline | None = None
    """Of a compute-matched arm: what it is measured by, and how."""
    inference: InferenceFields | None = None
    """How a rollout is made of particles; None if it is one attempt."""
    loop: Improve | None = None
    """How its model learns from its rollouts."""
    protocol: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The fields of its protocol, defaults included; one's own protocol has those that the scenario gives."""
    coupling: str = ""
    """Of a repeated loop: what keeps its random numbers apart from those of the first."""

    def organization_on(self, task: str) -> Organization:
        """The organization as it samples on this task; a split of a loop may have settings of its own."""
        if self.loop is None:
            return self.organization
        return self.loop.sampling(self.organization, self.tasks[task])


def resolve(
    site: CheckedDocument, name: str, levels: Mapping[str, str], matched: Matched | None = None
) -> Condition | None:
    """The condition; None when something is wrong, which the findings then say. `matched` is its level's baseline."""
    before, specs = _wrong(site), models(site)
    cell = site.validate(ConditionFields, ())
    if cell is None:
        check_prompts(site)
        return None
    if matched is None:
        cast = _cast(site, cell.organization)
        interaction, protocol_fields = protocol(site, cell.organization, cast)
    else:
        cast, interaction, protocol_fields = _alone(site, cell.organization, matched)
    asked = asked_tasks(site, cell, cast)
    agents = _agents(site, cell, cast, specs)
    closing = cast.closing and Closing(closing_question(site, cell, cast), cast.closing.agent)
    programs = _programs(site, cell.organization, specs)
    fields, identified = inference.read(site, matched is not None), protocol_fields
    if interaction is not None and fields is not None:
        interaction = inference.weighing(site, fields, interaction)
        identified = {**protocol_fields, "inference": fields.model_dump()}
    if interaction is None or agents is None or before != _wrong(site):
        return None
    organization = _organization(site, cell, agents, interaction, closing, programs, matched is not None)
    checks.program(site, organization, specs, asked.values())
    used = {agent.model: specs[agent.model] for agent in organization.agents}
    used |= {programs.model: specs[programs.model]} if programs is not None else {}
    addenda = [addendum.model_dump() for addendum in cell.addendum.values()]
    identity = identity_of(organization, used, identified, cast.writers or (), addenda)
    exposures = {key: _exposed(a.to, cast.names, interaction) for key, a in cell.addendum.items()}
    questions = {key: task.prompt for key, task in tasks(site, cell).items()}
    loop = improve.resolve(site, cell, organization, used)
    if loop is not None:
        improve_checks.leaks(site, loop.fields, asked, loop.first)
        identity = digest(identity, loop.identity)
    if before != _wrong(site):
        return None
    about = (exposures, identity, dict(cell.addendum), questions)
    return Condition(
        name, levels, organization, used, asked, *about, inference=fields, loop=loop, protocol=protocol_fields
    )


def _organization(
    site: CheckedDocument,
    cell: ConditionFields,
    agents: Sequence[Agent],
    interaction: Routing,
    closing: Closing | None,
    programs: Programs | None,
    alone: bool,
) -> Organization:
    """The organization; `alone` is that of a baseline, whose rounds are the steps of one agent."""
    org = cell.organization
    rounds = rounds_of(org, interaction)
    agents = tuple(_remembering(agent, org.agents[agent.name], interaction) for agent in agents)
    if alone:  # every step is told the task, and of the steps before only what it must know
        rounds, agents = STEPS, tuple(replace(_boardless(agent), memory="unread") for agent in agents)
    checks.tickets(site, agents, interaction)
    turn = TurnLimits(**org.turn.model_dump())
    return Organization(agents, interaction, rounds, closing, org.calls, turn, programs)


def _wrong(site: CheckedDocument) -> int:
    return len(site.findings.mistakes) + len(site.findings.faulted)


def models(site: CheckedDocument) -> dict[str, ModelSpec]:
    """Every alias that is well-formed and names a known provider."""
    specs: dict[str, ModelSpec] = {}
    for alias in mapping(site.tree.value.get("models")):
        spec = site.validate(ModelSpec, ("models", alias))
        if spec is not None and checks.model(site, alias, spec):
            specs[alias] = spec
    return specs


def _alone(
    site: CheckedDocument, org: OrganizationFields, matched: Matched
) -> tuple[Cast, Routing | None, dict[str, Any]]:
    """The one agent of a baseline, whose steps are the protocol."""
    name = matched.agent(org.agents)
    cast = Cast((name,), org.closing and Closing(org.closing.ask, name), (name,))
    if name not in org.agents:
        site.wrong((*matched.path, "agent"), f"no agent {name!r}", suggest(name, org.agents))
        return cast, None, {}
    return cast, matched.interaction(name), matched.settings()


def _cast(site: CheckedDocument, org: OrganizationFields) -> Cast:
    names = tuple(dict.fromkeys(org.cast or org.agents))
    checks.cast(site, org, names)
    closing = None
    if org.closing is not None:
        agent = names[0] if len(names) == 1 else org.closing.agent
        closing = Closing(org.closing.ask, agent or "")
    writers = names if len(names) == 1 else org.output
    return Cast(names, closing, writers)


def _programs(site: CheckedDocument, org: OrganizationFields, specs: Mapping[str, ModelSpec]) -> Programs | None:
    if org.programs is None or not checks.alias(site, org.programs.model, (*ORGANIZATION, "programs"), specs):
        return None
    return Programs(org.programs.model, org.programs.tokens, specs[org.programs.model].settings())


def _agents(
    site: CheckedDocument, cell: ConditionFields, cast: Cast, specs: Mapping[str, ModelSpec]
) -> tuple[Agent, ...] | None:
    built = [_agent(site, cell, name, specs) for name in cast.names if name in cell.organization.agents]
    for key, addendum in cell.addendum.items():
        checks.addressees(site, key, addendum.to, cell.organization.agents)
    return None if None in built else tuple(agent for agent in built if agent is not None)


def _agent(site: CheckedDocument, cell: ConditionFields, name: str, specs: Mapping[str, ModelSpec]) -> Agent | None:
    path: Keys = (*ORGANIZATION, "agents", name)
    agent_fields: AgentFields = cell.organization.agents[name]
    values = {"agent": name, "rounds": cell.organization.rounds}
    texts = [fill(site, agent_fields.system, (*path, "system"), values)]
    for key, addendum in cell.addendum.items():
        if addendum.to == "all" or (addendum.to != "task" and name in addendum.to):
            texts.append(fill(site, addendum.text, ("addendum", key, "text"), values))
    tools = tools_of(site, agent_fields.tools, path, cell.mcp)
    if not checks.alias(site, agent_fields.model, path, specs):
        return None
    settings = merged(specs[agent_fields.model].settings(), agent_fields.settings)
    checks.settings(site, specs[agent_fields.model], agent_fields.model, settings, path)
    agent = Agent(name, paragraphs(*texts), agent_fields.model, settings, tools, agent_fields.memory)
    return (
        agent if capabilities_of(specs[agent_fields.model]).tools else replace(agent, guide=tagged.guide(agent.offered))
    )


def _boardless(agent: Agent) -> Agent:
    """The agent without tools for tickets, of which there are none where it works alone."""
    kept = replace(agent, tools=tuple(toolset for toolset in agent.tools if not is_of_tickets(toolset)))
    return replace(kept, guide=tagged.guide(kept.offered)) if agent.guide else kept


def _remembering(agent: Agent, fields: AgentFields, interaction: Routing) -> Agent:
    """The agent, with what its protocol has agents remember where the scenario does not say it."""
    memory = getattr(interaction, "memory", agent.memory)
    return agent if "memory" in fields.model_fields_set else replace(agent, memory=memory)


def _exposed(to: str | tuple[str, ...], names: tuple[str, ...], interaction: Routing) -> int:
    if to == "task":
        return len(getattr(interaction, "readers", interaction.briefed))
    return len(names) if to == "all" else sum(name in to for name in names)


def tree(value: Mapping[str, Any], whole: Tree) -> Tree:
    """The sections of a condition, with the places of the whole document."""
    return Tree(
        {key: value[key] for key in ConditionFields.model_fields if key in value},
        whole.places,
        whole.keys,
        whole.removed,
    )
