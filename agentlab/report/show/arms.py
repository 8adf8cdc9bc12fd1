"""What differs between the arms of a scenario, in short for every pair of levels, then prompt by prompt."""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import msgspec

from agentlab.experiment.changes import TextChange, changes
from agentlab.experiment.confounds import confounds, phrase
from agentlab.experiment.facts import facts
from agentlab.scenario import Condition, Design
from agentlab.text import line, quoted

Facts = Mapping[str, Any]
_CONTEXT = 0
"""Unchanged lines around a change: none, as paragraphs are lines of their own."""


def between(design: Design) -> Iterator[str]:
    """Paragraphs: one per factor with a line per pair of its levels, then every changed text once with its pairs."""
    told: dict[str, Facts] = {one.name: msgspec.to_builtins(facts(one)) for one in design.conditions}
    texts: dict[tuple[str, str], list[str]] = {}
    for factor in design.factors:
        lines: dict[str, dict[tuple[str, ...], list[str]]] = {}
        for levels, within, a, b in pairs(design, factor):
            found = tuple(_short(levels, told[a.name], told[b.name]))
            lines.setdefault(" | ".join(levels), {}).setdefault(found, []).append(within)
            for heading, diff, forward in _texts(a, b, told):
                users = texts.setdefault((heading, diff), [])
                pair = f"{factor} {' → '.join(levels if forward else levels[::-1])}"
                if pair not in users:
                    users.append(pair)
        if lines:
            yield "\n".join([f"how the levels of {factor} differ", *_listed(lines)])
    if texts:
        yield "prompt by prompt: removed (-) and added (+) text, from the first level to the second"
    for (heading, diff), users in texts.items():
        yield f"{heading} · {_users(users)}\n{diff}"


def pairs(design: Design, factor: str) -> Iterator[tuple[tuple[str, str], str, Condition, Condition]]:
    """Every two levels of a factor with all else equal: levels, the levels of the others, and the two conditions."""
    by_levels = {tuple(sorted(one.levels.items())): one for one in design.conditions}
    for a, b in combinations(design.factors[factor], 2):
        for one in design.conditions:
            other = by_levels.get(tuple(sorted({**one.levels, factor: b}.items())))
            if one.levels.get(factor) == a and other is not None:
                within = ",".join(f"{name}={level}" for name, level in one.levels.items() if name != factor)
                yield (a, b), within, one, other


def _listed(lines: Mapping[str, Mapping[tuple[str, ...], list[str]]]) -> Iterator[str]:
    for levels, found in lines.items():
        for (first, *rest), within in found.items():
            where = f" ({'; '.join(within)})" if len(found) > 1 else ""
            yield f"  {levels}{where}: {line(first, 1000)}"
            yield from rest


def _short(levels: tuple[str, str], a: Facts, b: Facts) -> Iterator[str]:
    renamed = a["agents"].keys() != b["agents"].keys()
    yield phrase(confounds(a, b) or (("names of agents only",) if renamed else ()))
    if not a["agents"].keys() & b["agents"].keys():
        yield f"    no agent in common: {len(a['agents'])} versus {len(b['agents'])}"
        return
    for level, own, other in ((levels[0], a, b), (levels[1], b, a)):
        if names := [name for name in own["agents"] if name not in other["agents"]]:
            yield f"    only in {level}: {', '.join(names)}"


def _users(users: list[str]) -> str:
    return "; ".join(users[:3]) + (f"; and {len(users) - 3} more" if len(users) > 3 else "")


def _texts(a: Condition, b: Condition, told: Mapping[str, Facts]) -> Iterator[tuple[str, str, bool]]:
    """A heading and a diff, from the shorter text to the longer, so that a change is told once whichever condition
    comes first; whether the first is the shorter."""
    for change in changes(told[a.name], told[b.name], a.questions, b.questions):
        forward = (len(change.before), change.before) < (len(change.after), change.after)
        grown = change if forward else TextChange(change.name, change.after, change.before)
        yield change.name, quoted("\n".join(grown.lines(_CONTEXT))), forward
