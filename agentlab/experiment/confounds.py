"""In what two conditions differ, from what was recorded of them: structure, and what could be mistaken for it."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from agentlab.experiment.rules import other_rules, other_tools
from agentlab.organization.agents import Closing, TurnLimits

Facts = Mapping[str, Any]
UNKNOWN = "what was not recorded"


@dataclass(frozen=True, slots=True)
class AgentFacts:
    """One agent, as far as arms are compared."""

    system: str
    model: str
    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    memory: str | int = "all"
    tools: tuple[dict[str, Any], ...] = ()
    guide: str = ""
    served: str | None = None
    """Stands for the model's address and options, where it has any."""

    def value(self, name: str) -> str:
        """Of the model, the memory, the tools or a setting, as text."""
        if name == "tools":
            names = ", ".join(sorted(tool["name"] for tool in self.tools)) or "no tools"
            return f"{names} (called by tags)" if self.guide else names
        shown = {"model": self.model, "memory": self.memory}.get(name, self.settings.get(name))
        return "unset" if shown is None else str(shown)


@dataclass(frozen=True, slots=True)
class Addendum:
    text: str
    to: Literal["task", "all"] | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConditionFacts:
    """One condition, as far as arms are compared."""

    agents: dict[str, AgentFacts] = field(default_factory=dict[str, AgentFacts])
    exposures: dict[str, int] = field(default_factory=dict[str, int])
    addenda: dict[str, Addendum] = field(default_factory=dict[str, Addendum])
    tasks: dict[str, str] = field(default_factory=dict[str, str])
    briefed: tuple[str, ...] = ()
    contacts: dict[str, tuple[str, ...]] | None = None
    closing: Closing | None = None
    protocol: str = ""
    rules: dict[str, Any] = field(default_factory=dict[str, Any])
    """The fields of its protocol; empty where they were not recorded."""
    length: int | None = None
    """After how many rounds its protocol ends by itself, whatever the limit."""
    rounds: int = 0
    calls: int = 0
    turn: TurnLimits | None = None
    programs: Any = None
    steps: dict[str, str] = field(default_factory=dict[str, str])
    """Of a program: by its path, what each step does."""
    inference: Any = None
    baseline: Any = None


def confounds(a: Facts, b: Facts, without: Collection[str] = ()) -> tuple[str, ...]:
    """Short phrases, `structure` first where who takes part or who may write to whom differs; empty for equal arms.

    Facts are those of `run.conditions`. System prompts are compared agent by agent where both arms have it, else
    paragraph by paragraph against all of the other arm, with an agent's own name left out: the same brief under another
    name, or all briefs in one agent, is no other prompt. `without` names settings that differ on purpose.
    """
    if not a.get("agents") or not b.get("agents"):
        return (UNKNOWN,)
    return tuple(_all(msgspec.convert(a, ConditionFacts), msgspec.convert(b, ConditionFacts), without))


def phrase(found: Sequence[str]) -> str:
    """`structure only`, `nothing`, or the list."""
    return "structure only" if list(found) == ["structure"] else ", ".join(found) or "nothing"


def _all(a: ConditionFacts, b: ConditionFacts, without: Collection[str]) -> Iterator[str]:
    if _structural(a, b):
        yield "structure"
    if prompts := _other_prompts(a, b):
        yield f"system prompts ({', '.join(prompts) if len(prompts) <= 3 else f'{len(prompts)} agents'})"
    yield from _program(a, b)
    yield from _values(a, b, without)
    yield from _brief(a, b)
    yield from _addenda(a, b)
    asks = [arm.closing.ask if arm.closing else None for arm in (a, b)]
    if asks[0] != asks[1]:
        yield "closing question" if all(asks) else f"closing question ({'only' if asks[0] else 'not'} in the first)"
    if any(a.tasks[id] != b.tasks[id] for id in a.tasks.keys() & b.tasks.keys()):
        yield "task text"
    stepped = a.baseline is not None or b.baseline is not None
    if a.rounds != b.rounds and a.length is None and b.length is None and not stepped:
        yield f"rounds {a.rounds} versus {b.rounds}"
    if any(agent.tools for arm in (a, b) for agent in arm.agents.values()):
        if a.calls != b.calls:
            yield f"calls per turn {a.calls} versus {b.calls}"
        if a.turn and b.turn and a.turn != b.turn:
            yield "limits of a turn"
        if a.programs != b.programs:
            yield "the model that programs may ask"
    yield from _steps(a, b)


def _steps(a: ConditionFacts, b: ConditionFacts) -> Iterator[str]:
    """How baselines spend their budgets, and that only one arm is a baseline where the structure does not tell it."""
    if a.baseline and b.baseline and a.baseline != b.baseline:
        yield "how a budget is spent"
    elif (a.baseline is None) != (b.baseline is None) and not _structural(a, b):
        yield f"steps of a baseline (only in the {'second' if a.baseline is None else 'first'})"


def _program(a: ConditionFacts, b: ConditionFacts) -> Iterator[str]:
    """Steps that only one program has or that are others, or their order; fields of the protocol; and inference."""
    changed = [name for name in {**a.steps, **b.steps} if a.steps.get(name) != b.steps.get(name)]
    if changed:
        yield f"the program ({', '.join(changed) if len(changed) <= 3 else f'{len(changed)} steps'})"
    elif [*a.steps] != [*b.steps]:
        yield "the program (order of steps)"
    if changed := other_rules((a.rules, [*a.agents]), (b.rules, [*b.agents])):
        yield f"protocol ({', '.join(changed) if len(changed) <= 3 else f'{len(changed)} fields'})"
    if a.inference != b.inference:
        yield "inference"


def _structural(a: ConditionFacts, b: ConditionFacts) -> bool:
    """The same graph under other names, in the order of the cast, is no other structure; nor is one agent alone."""
    if len(a.agents) != len(b.agents) or len(a.agents) == 1:
        return len(a.agents) != len(b.agents)
    by_place = _graph(a, list(a.agents)) == _graph(b, list(b.agents))
    by_name = a.agents.keys() == b.agents.keys() and _graph(a, sorted(a.agents)) == _graph(b, sorted(b.agents))
    return a.protocol != b.protocol or not (by_place or by_name)


def _graph(arm: ConditionFacts, order: Sequence[str]) -> set[tuple[str, str]]:
    """Contacts with each agent's place in `order` instead of its name."""
    place = {name: str(i) for i, name in enumerate(order)}
    pairs = ((sender, reader) for sender, readers in (arm.contacts or {}).items() for reader in readers)
    return {(place.get(sender, sender), place.get(reader, reader)) for sender, reader in pairs}


def _other_prompts(a: ConditionFacts, b: ConditionFacts) -> list[str]:
    """Agents whose system prompt, addenda aside, is not that of the other arm."""
    names: list[str] = []
    for arm, other in ((a, b), (b, a)):
        known = _everything(other)
        for name in arm.agents:
            if name in other.agents:
                changed = _paragraphs(arm, name) != _paragraphs(other, name)
            else:
                changed = any(not {part, _nameless(part, name)} & known for part in _paragraphs(arm, name))
            if changed and name not in names:
                names.append(name)
    return names


def _paragraphs(arm: ConditionFacts, name: str) -> list[str]:
    """Those of an agent's system prompt that no addendum put there."""
    added: set[str] = set()
    for addendum in arm.addenda.values():
        filled = addendum.text.replace("{{agent}}", name).replace("{{rounds}}", str(arm.rounds))
        added |= set(_split(filled))
    return [part for part in _split(arm.agents[name].system) if part not in added]


def own_prompt(facts: Facts, name: str) -> str:
    """The system prompt of an agent without what addenda put there."""
    return "\n\n".join(_paragraphs(msgspec.convert(facts, ConditionFacts), name))


def _everything(arm: ConditionFacts) -> set[str]:
    """Every paragraph of every system prompt, addenda included, as it is and with its own agent's name left out."""
    parts = [(part, name) for name, agent in arm.agents.items() for part in _split(agent.system)]
    return {part for part, _ in parts} | {_nameless(part, name) for part, name in parts}


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split("\n\n") if part.strip()]


def _nameless(text: str, name: str) -> str:
    return re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "{{agent}}", text) if name in text else text


def _values(a: ConditionFacts, b: ConditionFacts, without: Collection[str]) -> Iterator[str]:
    """Model, memory, tools and settings: where the sets of values differ, the values; else the agents."""
    settings = [
        name for arm in (a, b) for agent in arm.agents.values() for name in agent.settings if name not in without
    ]
    stepped = a.baseline is not None or b.baseline is not None  # which agent of a step remembers what is its structure
    for name in dict.fromkeys(("model", *(() if stepped else ("memory",)), "tools", *settings)):
        of_a, of_b = ({agent: facts.value(name) for agent, facts in arm.agents.items()} for arm in (a, b))
        sets = [sorted(set(values.values())) for values in (of_a, of_b)]
        versus = f"{name} {' and '.join(sets[0])} versus {' and '.join(sets[1])}"
        if sets[0] != sets[1]:
            yield other_tools(*sets) if name == "tools" else versus
        elif changed := [agent for agent in of_a if agent in of_b and of_a[agent] != of_b[agent]]:
            yield f"{name} of {', '.join(changed)}"
    of_a, of_b = ({(facts.model, facts.served) for facts in arm.agents.values()} for arm in (a, b))
    if {model for model, _ in of_a} == {model for model, _ in of_b} and of_a != of_b:
        yield "address or options of the model"


def _brief(a: ConditionFacts, b: ConditionFacts) -> Iterator[str]:
    if len(a.briefed) * len(b.agents) != len(b.briefed) * len(a.agents):
        yield f"brief shown to {_share(a, len(a.briefed))} versus {_share(b, len(b.briefed))}"


def _share(arm: ConditionFacts, count: int) -> str:
    return f"{count} of {len(arm.agents)}"


def _addenda(a: ConditionFacts, b: ConditionFacts) -> Iterator[str]:
    """An addendum that one arm lacks, words otherwise, or shows to another number of its agents though not to all.

    One that goes with the task reaches whom the task reaches, which is told by itself.
    """
    for name in dict.fromkeys((*a.exposures, *b.exposures)):
        readers_a, readers_b = a.exposures.get(name, 0), b.exposures.get(name, 0)
        addendum_a, addendum_b = a.addenda.get(name), b.addenda.get(name)
        if (not readers_b and _stands_in(addendum_a, b)) or (not readers_a and _stands_in(addendum_b, a)):
            continue
        everybody = readers_a == len(a.agents) and readers_b == len(b.agents)
        with_task = addendum_a is not None and addendum_b is not None and addendum_a.to == addendum_b.to == "task"
        if readers_a != readers_b and not everybody and not with_task:
            yield f"addendum {name} read by {_share(a, readers_a)} versus {_share(b, readers_b)}"
        elif readers_a and addendum_a and addendum_b and addendum_a.text != addendum_b.text:
            yield f"words of addendum {name}"
        elif (
            readers_a
            and addendum_a
            and addendum_b
            and addendum_a.to != addendum_b.to
            and {addendum_a.to, addendum_b.to} & {"task", "all"}
        ):
            yield f"readers of addendum {name}"


def _stands_in(addendum: Addendum | None, arm: ConditionFacts) -> bool:
    """Whether what the other arm is told as an addendum stands in this arm's own system prompts."""
    return addendum is not None and set(_split(addendum.text)) <= _everything(arm)
