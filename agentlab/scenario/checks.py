"""What can be wrong although every field is well-formed: names, models and protocols must fit together.

Each check adds its mistakes to the site's findings and, where something follows from it, says whether all is well.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from agentlab.errors import AgentlabError
from agentlab.interfaces import Routing
from agentlab.judges.config import Misfit
from agentlab.mapping import mapping
from agentlab.models.prices import price_mistake
from agentlab.models.registry import (
    body_mistakes,
    check_name,
    mistakes_of,
    options_mistake,
    options_of,
    processes_mistake,
)
from agentlab.models.spec import ModelSpec
from agentlab.organization.agents import Agent, Organization
from agentlab.organization.protocols import is_board
from agentlab.organization.settings import merged
from agentlab.scenario.document import Keys
from agentlab.scenario.fields import LimitsFields, OrganizationFields
from agentlab.scenario.validate import CheckedDocument, existing
from agentlab.suggestion import suggest
from agentlab.tools import is_of_tickets
from agentlab.types import Settings, Task

CHARS_PER_TOKEN = 8
"""More than any tokenizer packs into a token of prose, so that an estimate of tokens is too low, never too high."""


def model(site: CheckedDocument, alias: str, spec: ModelSpec) -> bool:
    """The provider is known, and the model takes the settings given beside its name."""
    path: Keys = ("models", alias)
    if wrong := check_name(spec.name):
        reason, _, right = wrong.partition("; ")
        site.wrong((*path, "name"), reason, right or "write provider/name")
        return False
    known = options_of(spec.name)
    for option in spec.options if known is not None else ():
        if option not in (known or ()):
            right = suggest(option, known) if known else "remove it; settings go beside the name"
            site.unknown((*path, "options", option), f"{spec.name} has no option {option!r}", right)
    unknown = known is not None and any(option not in known for option in spec.options)
    try:
        if not unknown and (mistake := options_mistake(spec)):
            what, _, right = mistake.rpartition("; ")
            site.wrong((*path, "options"), what or mistake, right or "correct the options")
        for setting, right in mistakes_of(spec):
            site.wrong((*path, setting), f"this model does not support {setting}", right)
        for below, reason, right in body_mistakes(spec):
            site.wrong((*path, "body", *below), reason, right)
        if mistake := processes_mistake(spec):
            what, _, right = mistake.partition("; ")
            site.wrong((*path, "processes"), what, right)
    except AgentlabError as error:
        site.wrong((*path, "name"), str(error), "fix the module, or name another model")
        return False
    except Exception as error:  # one's own model is built to ask what it takes
        site.wrong((*path, "name"), f"{type(error).__name__}: {error}", "fix the model's module or its options")
        return False
    return True


def alias(site: CheckedDocument, name: str, path: Keys, specs: Mapping[str, ModelSpec]) -> bool:
    """The model of the agent or judge at `path` is there; one that is wrong itself was told before."""
    if name in specs:
        return True
    if ("models", name) in site.tree.removed:
        site.wrong(("models", name), f"the model {name!r} is removed but still used", "keep it, or name another")
    elif name not in mapping(site.tree.value.get("models")):
        right = suggest(name, specs) if specs else f"add `{name}:` under models"
        hint = {"default": ", or give --model", "judge": ", or give --judge-model"}.get(name, "")
        if "/" in name:
            right = f"write an alias here, and define it under models: `ALIAS: {{name: {name}}}`"
        site.wrong((*path, "model"), f"there is no model {name!r} under models", right + hint)
    return False


def cast(site: CheckedDocument, org: OrganizationFields, names: tuple[str, ...]) -> None:
    """The cast, the closing agent and the writers are agents that take part."""
    path: Keys = ("organization",)
    for name in (name for name, agent in org.agents.items() if agent.copies is not None):
        site.wrong(
            (*path, "agents", name, "copies"),
            f"a copy of {name!r} has the same name as another agent",
            "rename that agent",
        )
    for i, name in enumerate(org.cast or ()):
        if name not in org.agents:
            site.wrong((*path, "cast", i), f"no agent {name!r}", suggest(name, org.agents))
        elif name in (org.cast or ())[:i]:
            site.wrong((*path, "cast", i), f"{name!r} is in the cast twice", "name each agent once")
    if len(names) == 1:
        return
    if org.closing is not None and org.closing.agent is None:
        site.wrong((*path, "closing", "agent"), "'agent' is missing", f"say who is asked; {suggest('', names)}")
    elif org.closing is not None and org.closing.agent not in names:
        site.wrong(
            (*path, "closing", "agent"), f"{org.closing.agent!r} is not in the cast", _of(org.closing.agent, names)
        )
    for i, name in enumerate(org.output or ()):
        if name not in names:
            site.wrong((*path, "output", i), f"{name!r} is not in the cast", _of(name, names))


def _of(name: object, names: Iterable[str]) -> str:
    return suggest(name, names).replace("known:", "one of:")


def addressees(site: CheckedDocument, name: str, to: str | tuple[str, ...], agents: Iterable[str]) -> None:
    """Whom an addendum is for are agents, in the cast or not."""
    if not isinstance(to, str):
        for i, agent in enumerate(to):
            if agent not in agents:
                site.wrong(("addendum", name, "to", i), f"no agent {agent!r}", suggest(agent, agents))


def settings(site: CheckedDocument, spec: ModelSpec, name: str, wanted: Settings, path: Keys) -> None:
    """The model of the agent at `path` takes its settings; points to whoever supplied the setting."""
    of_agent = mapping(site.get(path).get("settings"))
    of_model = dict(mistakes_of(spec))
    for setting, right in mistakes_of(spec, wanted):
        if setting in of_agent:
            site.wrong((*path, "settings", setting), f"its model {name!r} does not support {setting}", right)
        elif setting not in of_model:
            site.wrong(("models", name, setting), f"this model does not support {setting}", right)


def tickets(site: CheckedDocument, agents: Iterable[Agent], protocol: Routing) -> None:
    """Tools for tickets are used at a board, which alone can act on them."""
    for agent in agents if not is_board(protocol) else ():
        if used := [tool.spec.name for toolset in agent.tools if is_of_tickets(toolset) for tool in toolset.tools]:
            path: Keys = ("organization", "agents", agent.name, "tools")
            wrong = f"the tool {used[0]!r} is for a ticket board, and this protocol has none"
            site.wrong(path, wrong, "remove the tool, or write `protocol: {kind: board, …}`")


def program(
    site: CheckedDocument, organization: Organization, specs: Mapping[str, ModelSpec], tasks: Collection[Task]
) -> None:
    """The models of a program's agents take what its steps ask of them, and its observations can be weighed."""
    routing: Any = organization.protocol
    if not hasattr(routing, "wanted"):
        return
    where: Keys = ("organization", "protocol")
    site.flaws(where, routing.unobservable(tasks))
    for instruction, settings, times in routing.wanted(tasks):
        agent, place = organization.roster[instruction.step.by], existing(site.tree, where, instruction.place)
        whole = merged(agent.settings, settings)
        for setting, right in mistakes_of(specs[agent.model], whole):
            if getattr(settings, setting) is not None:
                _unsupported(site, place, setting, f"{agent.model!r} ({specs[agent.model].name})", right)
        if times > 1 and agent.tools:
            site.wrong(place, f"several replies (times: {times}) from {agent.name!r}, which has tools", "`times: 1`")
        if times > 1 and agent.memory != "unread":
            wrong = f"several replies (times: {times}) from {agent.name!r}, which remembers its earlier turns"
            site.wrong(place, wrong, f"`memory: unread` for {agent.name!r}")
        sampling = {name: getattr(whole, name) for name in ("temperature", "top_p", "top_k")}
        if settings.score is not None and (odd := [f"{n}: {v}" for n, v in sampling.items() if v not in (None, 1)]):
            wrong = f"scores are at temperature 1, and this model samples with {', '.join(odd)}"
            site.wrong(place, wrong, "remove these settings, or use `likelihood: {sample: 8}`")


def _unsupported(site: CheckedDocument, place: Keys, setting: str, model: str, right: str) -> None:
    """A setting of a step that the model does not take, with what takes its place."""
    if setting == "score":
        wrong = f"this step needs the probability of a given reply, which the model {model} does not give"
        right = "use `inference: {likelihood: {sample: 8}}`, which counts sampled replies, or `by: text` for a choice"
        site.wrong(place, wrong, right)
    else:
        site.wrong((*place, "settings", setting), f"the model {model} does not support {setting}", right)


def targets(site: CheckedDocument, misfits: Mapping[str, Misfit], tasks: Mapping[str, Task]) -> None:
    """Every judge can score outputs to every task."""
    for judge, misfit in misfits.items():
        for task in tasks.values():
            if flaw := misfit(task):
                steps, wrong, right = flaw
                site.wrong(("tasks", task.id, *steps), f"judge {judge!r} finds {wrong}", f"write {right}")


def task_fields(site: CheckedDocument, organization: Organization, tasks: Mapping[str, Task]) -> None:
    """The protocol can use the fields of every task; a protocol may say by `misfit(task)` what it cannot."""
    misfit: Misfit = getattr(organization.protocol, "misfit", lambda task: None)
    for task in tasks.values():
        if flaw := misfit(task):
            steps, wrong, right = flaw
            site.wrong(existing(site.tree, ("tasks", task.id), steps), wrong, f"write {right}")


def prices(
    site: CheckedDocument, limits: LimitsFields, agents: Mapping[str, ModelSpec], judges: Mapping[str, ModelSpec]
) -> None:
    """Money can only be limited where every model that spends it has a price."""
    for name, limit, specs in (
        ("rollout", limits.rollout, dict(agents)),
        ("run", limits.run, {**judges, **agents}),
    ):
        if limit.cost is None:
            continue
        place = site.tree.place(("limits", name, "cost"))
        for key, spec in specs.items():
            if wrong := price_mistake(spec, f"limits.{name}.cost ({place})"):
                right = "add `price: {input: …, output: …}` in USD per million tokens, or limit tokens instead"
                site.wrong(("models", key, "name"), wrong, right)


def constant(site: CheckedDocument, judges: Iterable[str]) -> None:
    """Judges are the same in every condition: no level patches their model."""
    for factor, levels in mapping(site.get(()).get("factors")).items():
        for level, patch in mapping(levels).items():
            for alias in mapping(mapping(patch).get("models")):
                if alias in judges:
                    path = ("factors", factor, level, "models", alias)
                    wrong = f"the level changes {alias!r}, the model with which a judge scores every condition"
                    site.unknown(path, wrong, "give the judge its own model under another alias")


def one_round(
    site: CheckedDocument, limits: LimitsFields, organization: Organization, tasks: Mapping[str, Task]
) -> None:
    """Limits on tokens cover the prompts of the first round, at the least they can be."""
    briefed = [agent for agent in organization.agents if agent.name in organization.protocol.briefed]
    for name, limit in (("rollout", limits.rollout), ("run", limits.run)):
        for task in tasks.values() if limit.tokens is not None else ():
            least = sum(len(agent.system) + len(task.prompt) for agent in briefed) // CHARS_PER_TOKEN + len(briefed)
            if limit.tokens is not None and limit.tokens < least:
                wrong = f"{limit.tokens} tokens do not cover one round of task {task.id!r}"
                site.wrong(("limits", name, "tokens"), wrong, f"write at least {least}")
                break


def cluster(site: CheckedDocument, field: str, arms: Sequence[Mapping[str, Task]]) -> None:
    """Every task has the field that says its cluster, a text or a number that is the same in all conditions."""
    tasks = arms[0]
    known = [name for name in next(iter(tasks.values())).fields if all(name in task.fields for task in tasks.values())]
    for id, task in tasks.items():
        value = task.fields.get(field)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            wrong = f"task {id!r} has no text or number in a field {field!r}"
            site.wrong(("cluster",), wrong, f"give every task such a field; {suggest(field, known)}")
            return
        if any(other[id].fields.get(field) != value for other in arms[1:] if id in other):
            wrong = f"a level changes the field {field!r} of task {id!r}"
            site.wrong(("cluster",), wrong, "name a field that is the same in all conditions")
            return
