"""A scenario in short: tasks, conditions, agents, protocol, judges, measures."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from typing import TypeVar

from agentlab.organization.agents import Agent
from agentlab.report.diagrams.drawing import drawing
from agentlab.report.show.arms import between
from agentlab.report.show.grid import grid
from agentlab.report.show.steps import steps
from agentlab.scenario.baseline import STEPS
from agentlab.scenario.condition import Condition
from agentlab.scenario.design import Design
from agentlab.text import line, pluralize, quoted
from agentlab.types import Settings

T = TypeVar("T")
SEES = "sees the task"


def scenario(design: Design) -> str:
    """The description, a paragraph for each part. Parts that several conditions share are printed once."""
    rollouts = len(design.conditions) * len(design.tasks) * design.draws
    sizes = ((len(design.conditions), "condition"), (len(design.tasks), "task"), (design.draws, "draw"))
    size = " x ".join(pluralize(*pair) for pair in sizes)
    parts = [f"{design.name}: {size} = {pluralize(rollouts, 'rollout')}"]
    if design.options:
        parts[0] += f"\nwith {', '.join(map(line, design.options))}"
    if design.about:
        parts.append(quoted(design.about))
    parts.append("tasks\n" + grid(("  id", "prompt"), [(f"  {t.id}", line(t.prompt)) for t in design.tasks.values()]))
    levels = [f"  {factor}: {', '.join(levels)}" for factor, levels in design.factors.items()]
    if levels:
        parts.append("\n".join(["factors", *levels]))
    for text, arms in grouped((condition.name, _organization(condition)) for condition in design.conditions).items():
        parts.append(f"{_arms(arms, design)}\n{text}")
    parts += [*between(design), *_judging(design)]
    parts.append(
        "agentlab show SCENARIO --prompts prints every prompt, --svg FILE draws every organization; "
        "agentlab plan estimates calls and cost."
    )
    return "\n\n".join(parts)


def grouped(pairs: Iterable[tuple[str, T]]) -> dict[T, list[str]]:
    """Names by what they have in common, in order."""
    names: dict[T, list[str]] = {}
    for name, common in pairs:
        names.setdefault(common, []).append(name)
    return names


def settings(given: Settings) -> str:
    """The settings that are set."""
    values = [(f.name, getattr(given, f.name)) for f in fields(Settings)]
    return ", ".join(f"{name} {line(value)}" for name, value in values if value is not None)


def _arms(arms: list[str], design: Design) -> str:
    return "every condition" if len(arms) == len(design.conditions) else ", ".join(arms)


def _organization(condition: Condition) -> str:
    organization = condition.organization
    kind = type(organization.protocol).__name__.lower()
    free = organization.rounds >= STEPS
    ends = "as many rounds as its budget allows" if free else f"at most {pluralize(organization.rounds, 'round')}"
    lines = [f"  {kind}, {ends}"]
    if organization.closing:
        lines.append(f"  closing question to {organization.closing.agent}: {line(organization.closing.ask)}")
    lines += [f"    {row}" for row in drawing(organization)]
    lines += steps(condition)
    lines += _agents({agent.name: _agent(condition, agent) for agent in organization.agents})
    return "\n".join(lines)


def _agents(by_agent: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """What all agents have in common in one line, and a table of the rest."""
    first, *others = by_agent.values()
    shared = {name: value for name, value in first.items() if all(traits[name] == value for traits in others)}
    differing = [name for name in first if name not in shared]
    who = "all agents" if differing else ", ".join(by_agent)
    if said := [_said(name, value) for name, value in shared.items() if value]:
        yield f"  {line(who, 1000)}: {', '.join(said)}"
    if differing:
        rows = [(f"  {agent}", *(traits[name] for name in differing)) for agent, traits in by_agent.items()]
        yield grid(("  agent", *differing), rows)


def _said(name: str, value: str) -> str:
    if name == SEES:
        return name if value == "yes" else "does not see the task"
    return value if name == "settings" else f"{name} {value}"


def _agent(condition: Condition, agent: Agent) -> dict[str, str]:
    return {
        "model": condition.models[agent.model].name,
        "settings": settings(agent.settings),
        "memory": f"last {pluralize(agent.memory, 'turn')}" if isinstance(agent.memory, int) else agent.memory,
        SEES: "yes" if agent.name in condition.organization.protocol.briefed else "no",
        "tools": ", ".join(tool.name for tool in agent.offered) + (" (as tags)" if agent.guide else ""),
    }


def _judging(design: Design) -> Iterator[str]:
    if design.judges or design.of_two:
        lines = ["judges"]
        for name, judge in {**design.judges, **design.of_two}.items():
            model = f" asks {design.models[judge.model].name}" if judge.model else " uses no model"
            how = "shown two outputs at a time" if name in design.of_two else pluralize(judge.draws, "draw")
            lines.append(f"  {name}{model}, {how}: {', '.join(judge.criteria)}")
        yield "\n".join(lines)
    if design.measures:
        lines = ["measures"]
        for name, m in design.measures.items():
            criteria = "all criteria" if m.criteria == "all" else ", ".join(m.criteria)
            lines.append(f"  {name}: {criteria} of {m.judge}, from {m.range[0]:g} to {m.range[1]:g}")
        yield "\n".join(lines)
