"""In what two conditions differ besides their structure, from what was recorded of them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from agentlab.experiment.condition_facts import ConditionFacts
from agentlab.experiment.prompt_differences import other_prompts, stands_in
from agentlab.experiment.protocol_differences import other_rules
from agentlab.experiment.value_differences import other_values

Facts = Mapping[str, Any]
UNKNOWN = "what was not recorded"


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
    if prompts := other_prompts(a, b):
        yield f"system prompts ({_listed(prompts, 'agents')})"
    yield from _program(a, b)
    yield from other_values(a, b, without)
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
    if a.baseline and b.baseline and _budget(a) != _budget(b):
        yield "how a budget is spent"
    elif (a.baseline is None) != (b.baseline is None) and not _structural(a, b):
        yield f"steps of a baseline (only in the {'second' if a.baseline is None else 'first'})"


def _budget(arm: ConditionFacts) -> dict[str, Any]:
    """How a baseline spends its budget, and the level that sets it: in another cell, that is another condition."""
    return {name: value for name, value in msgspec.to_builtins(arm.baseline).items() if name != "of"}


def _program(a: ConditionFacts, b: ConditionFacts) -> Iterator[str]:
    """Steps that only one program has or that are others, or their order; fields of the protocol; and inference."""
    changed = [name for name in {**a.steps, **b.steps} if a.steps.get(name) != b.steps.get(name)]
    if changed:
        yield f"the program ({_listed(changed, 'steps')})"
    elif [*a.steps] != [*b.steps]:
        yield "the program (order of steps)"
    if changed := other_rules((a.rules, [*a.agents]), (b.rules, [*b.agents])):
        yield f"protocol ({_listed(changed, 'fields')})"
    if a.inference != b.inference:
        yield "inference"


def _listed(names: Sequence[str], noun: str) -> str:
    """Up to three names; of more, how many there are."""
    return ", ".join(names) if len(names) <= 3 else f"{len(names)} {noun}"


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
        if (not readers_b and stands_in(addendum_a, b)) or (not readers_a and stands_in(addendum_b, a)):
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
