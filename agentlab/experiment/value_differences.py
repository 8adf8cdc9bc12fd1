"""In which models, memory, tools or settings the agents of two conditions differ."""

from collections.abc import Collection, Iterator, Sequence

from agentlab.experiment.condition_facts import ConditionFacts


def other_values(a: ConditionFacts, b: ConditionFacts, without: Collection[str]) -> Iterator[str]:
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
            yield _tools(*sets) if name == "tools" else versus
        elif changed := [agent for agent in of_a if agent in of_b and of_a[agent] != of_b[agent]]:
            yield f"{name} of {', '.join(changed)}"
    of_a, of_b = ({(facts.model, facts.served) for facts in arm.agents.values()} for arm in (a, b))
    if {model for model, _ in of_a} == {model for model, _ in of_b} and of_a != of_b:
        yield "address or options of the model"


def _tools(first: Sequence[str], second: Sequence[str]) -> str:
    """The sets of tools that agents of one arm have, and none of the other: `tools (only in the first: read + run)`."""
    sets = (("first", set(first) - set(second)), ("second", set(second) - set(first)))
    named = [(arm, ", ".join(tools.replace(", ", " + ") for tools in sorted(only))) for arm, only in sets if only]
    return f"tools ({'; '.join(f'only in the {arm}: {names}' for arm, names in named)})"
