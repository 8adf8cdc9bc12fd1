"""Every prompt of every arm, made as the engine makes it, before anything is spent."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from agentlab.engine.prompt import chat
from agentlab.report.show.scenario import grouped
from agentlab.scenario.condition import Condition
from agentlab.scenario.design import Design
from agentlab.text import line, pluralize, quoted
from agentlab.types import Message


def prompts(design: Design) -> str:
    """System prompts with manuals and addenda, tasks as their readers see them, closing questions, and exposures.

    Equal prompts of several arms are printed once, under the arms that use them.
    """
    agents = list(dict.fromkeys(a.name for arm in design.conditions for a in arm.organization.agents))
    parts = [
        f"{design.name}: what {pluralize(len(design.conditions), 'condition')} would send, without mail and earlier "
        f"replies"
    ]
    parts.append("==== system prompts, including manual and addenda")
    for agent in agents:
        for text, arms in grouped(_systems(design, agent)).items():
            parts.append(f"{agent} · {_in(arms, design)}\n{quoted(text) if text else '  (none)'}")
    parts.append("==== tasks, as shown to agents")
    for id in design.tasks:
        for text, arms in grouped((arm.name, _task(arm, id)) for arm in design.conditions).items():
            readers = grouped((arm.name, ", ".join(_readers(arm))) for arm in design.conditions if arm.name in arms)
            seen = "; ".join(f"{names} · {_in(of, design)}" for names, of in readers.items())
            parts.append(f"task {line(id)} · shown to {seen}\n{quoted(text)}")
    parts.append("==== closing questions, asked when nothing has reached @output")
    for (who, ask), arms in grouped(_closings(design)).items():
        parts.append(f"{who} · {_in(arms, design)}" + (f"\n{quoted(ask)}" if ask else ""))
    parts.append("==== addenda: who reads each, in the system prompt or with the task")
    exposures = [pair for arm in design.conditions for pair in _exposures(design, arm)]
    parts += [f"{said} · {_in(arms, design)}" for said, arms in grouped(exposures).items()] or ["none"]
    return "\n\n".join(parts)


def _in(arms: list[str], design: Design) -> str:
    return "every condition" if len(arms) == len(design.conditions) else "; ".join(arms)


def _log(arm: Condition, id: str) -> list[Message]:
    opening = arm.organization.protocol.open(arm.tasks[id])
    return [replace(message, round=0, index=i) for i, message in enumerate(opening)]


def _systems(design: Design, name: str) -> Iterator[tuple[str, str]]:
    for arm in design.conditions:
        agent = arm.organization.roster.get(name)
        if agent is not None:
            first = chat(arm.organization, agent, _log(arm, next(iter(design.tasks))), (), 1)[0]
            yield arm.name, first.content if first.role == "system" else ""


def _readers(arm: Condition) -> list[str]:
    return [a.name for a in arm.organization.agents if a.name in arm.organization.protocol.briefed] or ["nobody"]


def _task(arm: Condition, id: str) -> str:
    """The user's turn of round 1 of an agent that is shown the task."""
    readers = [arm.organization.roster[name] for name in _readers(arm) if name in arm.organization.roster]
    return chat(arm.organization, readers[0], _log(arm, id), (), 1)[-1].content if readers else arm.tasks[id].prompt


def _closings(design: Design) -> Iterator[tuple[str, tuple[str, str]]]:
    """By condition: who is asked, and what."""
    for arm in design.conditions:
        closing, alone = arm.organization.closing, len(arm.organization.agents) == 1
        if closing is None:
            yield arm.name, ("none", "")
        else:
            yield arm.name, (f"{closing.agent}{', also as the end of its task' if alone else ''}", closing.ask)


def _exposures(design: Design, arm: Condition) -> Iterator[tuple[str, str]]:
    addenda = _addenda(design.tree, arm)
    for key, count in arm.exposures.items():
        to = addenda.get(key, {}).get("to")
        cast = [agent.name for agent in arm.organization.agents]
        readers = (
            _readers(arm) if to == "task" else cast if to == "all" else [name for name in cast if name in (to or ())]
        )
        by = "with the task" if to == "task" else "in the system prompt"
        names = f": {', '.join(readers)}, {by}" if len(readers) == count and count else ""
        yield arm.name, f"{key} reaches {count} agent(s){names}"


def _addenda(tree: Mapping[str, Any], arm: Condition) -> dict[str, dict[str, Any]]:
    """The document's addenda as the levels of this condition patch them."""
    patches = [tree["factors"][factor][level] for factor, level in arm.levels.items()]
    addenda: dict[str, dict[str, Any]] = {}
    for part in (tree, *patches):
        section: Mapping[str, Any] = part.get("addendum") or {}
        for key, addendum in section.items():
            addenda[key] = {**addenda.get(key, {}), **(addendum or {})}
    return addenda
