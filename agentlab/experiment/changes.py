"""The texts that two conditions do not share, word by word: what their agents are told, and asked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any

import msgspec

from agentlab.experiment.condition_facts import ConditionFacts
from agentlab.experiment.prompt_differences import own_prompt
from agentlab.text import line

Facts = Mapping[str, Any]
Texts = Iterator[tuple[str, str, str]]
"""A name, and the text of either condition."""


@dataclass(frozen=True, slots=True)
class TextChange:
    """One text in both conditions; empty where a condition lacks it."""

    name: str
    before: str
    after: str

    def lines(self, context: int) -> list[str]:
        """What goes after a -, what comes after a +, and `context` unchanged lines around them; ⋯ where more lie
        between."""
        rows = list(unified_diff(self.before.splitlines(), self.after.splitlines(), lineterm="", n=context))[2:]
        return ["⋯" if row.startswith("@@") else row for row in rows if context or not row.startswith("@@")]


def changes(a: Facts, b: Facts, asked_a: Mapping[str, str], asked_b: Mapping[str, str]) -> Iterator[TextChange]:
    """System prompts of agents that both have, addenda, the closing question, and the tasks as they are `asked`.

    Facts are those of `run.conditions`. Where each condition is one agent alone, their prompts are compared although
    their names differ.
    """
    closing = ("closing question", _closing(a), _closing(b))
    texts = (*_prompts(a, b), *_addenda(a, b), closing, *_tasks(a, b, asked_a, asked_b))
    yield from (TextChange(name, before, after) for name, before, after in texts if before != after)


def _prompts(a: Facts, b: Facts) -> Texts:
    names_a, names_b = list(a["agents"]), list(b["agents"])
    pairs = [(name, name) for name in names_a if name in names_b]
    if len(names_a) == len(names_b) == 1:
        pairs = [(names_a[0], names_b[0])]
    arm_a, arm_b = msgspec.convert(a, ConditionFacts), msgspec.convert(b, ConditionFacts)
    for name_a, name_b in pairs:
        names = " and ".join(sorted({name_a, name_b}))
        yield f"system prompt of {names}", own_prompt(arm_a, name_a), own_prompt(arm_b, name_b)


def _addenda(a: Facts, b: Facts) -> Texts:
    for name in dict.fromkeys((*a["addenda"], *b["addenda"])):
        yield f"addendum {name}", _read(a, name), _read(b, name)


def _read(facts: Facts, name: str) -> str:
    return str(facts["addenda"][name]["text"]) if facts["exposures"].get(name) else ""


def _closing(facts: Facts) -> str:
    return str(facts["closing"]["ask"]) if facts["closing"] else ""


def _tasks(a: Facts, b: Facts, asked_a: Mapping[str, str], asked_b: Mapping[str, str]) -> Texts:
    """An addendum may stand in a task as it is asked; the tasks differ where their recorded digests do."""
    for id, text in asked_a.items():
        if id in asked_b and a["tasks"].get(id) != b["tasks"].get(id):
            yield f"task {line(id)}", text, asked_b[id]
