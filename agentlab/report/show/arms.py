"""What differs between the arms of a scenario, in short for every pair of levels, then prompt by prompt."""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import msgspec

from agentlab.experiment.changes import TextChange, changes
from agentlab.experiment.confounds import confounds, phrase
from agentlab.experiment.facts import facts
from agentlab.scenario.condition import Condition
from agentlab.scenario.design import Design
from agentlab.text import enumerate_some, line, quoted

Facts = Mapping[str, Any]
_CONTEXT = 0
"""Unchanged lines around a change: none, as paragraphs are lines of their own."""


def between(design: Design) -> Iterator[str]:
    """Paragraphs: one per factor with a line per pair of its levels, then every changed text once with its pairs."""
    facts_of: dict[str, Facts] = {
        condition.name: msgspec.to_builtins(facts(condition)) for condition in design.conditions
    }
    texts: dict[tuple[str, str], list[str]] = {}
    for factor in design.factors:
        lines: dict[str, dict[tuple[str, ...], list[str]]] = {}
        for levels, within, a, b in pairs(design, factor):
            sentences = tuple(_short(levels, facts_of[a.name], facts_of[b.name]))
            lines.setdefault(" | ".join(levels), {}).setdefault(sentences, []).append(within)
            for heading, diff, forward in _texts(a, b, facts_of):
                users = texts.setdefault((heading, diff), [])
                pair = f"{factor} {' → '.join(levels if forward else levels[::-1])}"
                if pair not in users:
                    users.append(pair)
        if lines:
            yield "\n".join([f"how the levels of {factor} differ", *_listed(lines)])
    if texts:
        yield "prompt by prompt: removed (-) and added (+) text, from the first level to the second"
    for (heading, diff), users in texts.items():
        yield f"{heading} · {enumerate_some(users, 3)}\n{diff}"


def pairs(design: Design, factor: str) -> Iterator[tuple[tuple[str, str], str, Condition, Condition]]:
    """Every two levels of a factor with all else equal: levels, the levels of the others, and the two conditions."""
    by_levels = {tuple(sorted(condition.levels.items())): condition for condition in design.conditions}
    for a, b in combinations(design.factors[factor], 2):
        for condition in design.conditions:
            other = by_levels.get(tuple(sorted({**condition.levels, factor: b}.items())))
            if condition.levels.get(factor) == a and other is not None:
                within = ",".join(f"{name}={level}" for name, level in condition.levels.items() if name != factor)
                yield (a, b), within, condition, other


def _listed(lines: Mapping[str, Mapping[tuple[str, ...], list[str]]]) -> Iterator[str]:
    for levels, by_sentences in lines.items():
        for (first, *rest), within in by_sentences.items():
            where = f" ({'; '.join(within)})" if len(by_sentences) > 1 else ""
            yield f"  {levels}{where}: {line(first, 1000)}"
            yield from rest


def _short(levels: tuple[str, str], a: Facts, b: Facts) -> Iterator[str]:
    renamed = a["agents"].keys() != b["agents"].keys()
    yield phrase(confounds(a, b) or (("names of agents only",) if renamed else ()))
    if not a["agents"].keys() & b["agents"].keys():
        yield f"    no agent in common: {len(a['agents'])} versus {len(b['agents'])}"
        return
    for level, here, other in ((levels[0], a, b), (levels[1], b, a)):
        if names := [name for name in here["agents"] if name not in other["agents"]]:
            yield f"    only in {level}: {', '.join(names)}"


def _texts(a: Condition, b: Condition, facts_of: Mapping[str, Facts]) -> Iterator[tuple[str, str, bool]]:
    """A heading and a diff, from the shorter text to the longer, so that a change is printed once whichever
    condition comes first; and whether the first is the shorter."""
    for change in changes(facts_of[a.name], facts_of[b.name], a.questions, b.questions):
        forward = (len(change.before), change.before) < (len(change.after), change.after)
        grown = change if forward else TextChange(change.name, change.after, change.before)
        yield change.name, quoted("\n".join(grown.lines(_CONTEXT))), forward
