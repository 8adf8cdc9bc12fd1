"""Which agents have different system prompts in two conditions."""

import re

from agentlab.experiment.condition_facts import Addendum, ConditionFacts


def other_prompts(a: ConditionFacts, b: ConditionFacts) -> list[str]:
    """Agents whose system prompt, addenda aside, differs from that of the other arm."""
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


def own_prompt(arm: ConditionFacts, name: str) -> str:
    """The system prompt of an agent without what addenda put there."""
    return "\n\n".join(_paragraphs(arm, name))


def stands_in(addendum: Addendum | None, arm: ConditionFacts) -> bool:
    """Whether this arm's own system prompts contain the text that the other arm gets as an addendum."""
    return addendum is not None and set(_split(addendum.text)) <= _everything(arm)


def _paragraphs(arm: ConditionFacts, name: str) -> list[str]:
    """The paragraphs of an agent's system prompt that no addendum put there."""
    added: set[str] = set()
    for addendum in arm.addenda.values():
        filled = addendum.text.replace("{{agent}}", name).replace("{{rounds}}", str(arm.rounds))
        added |= set(_split(filled))
    return [part for part in _split(arm.agents[name].system) if part not in added]


def _everything(arm: ConditionFacts) -> set[str]:
    """Every paragraph of every system prompt, addenda included, as it is and with its own agent's name left out."""
    parts = [(part, name) for name, agent in arm.agents.items() for part in _split(agent.system)]
    return {part for part, _ in parts} | {_nameless(part, name) for part, name in parts}


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split("\n\n") if part.strip()]


def _nameless(text: str, name: str) -> str:
    return re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "{{agent}}", text) if name in text else text
