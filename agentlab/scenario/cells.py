"""The cells of the crossing: every combination of levels but those left out."""

import itertools
import math
from collections.abc import Mapping
from typing import Any

from agentlab.scenario.fields import ExperimentFields
from agentlab.scenario.validate import CheckedDocument
from agentlab.suggestion import suggest

MAX_CONDITIONS = 2000
_MAX_CROSSING = 1_000_000
Cell = dict[str, str]
"""Levels by factor."""


def cells(plan: ExperimentFields) -> list[Cell]:
    """What is left of the full crossing, in the order of factors and levels; too many are cut off."""
    if math.prod(map(len, plan.factors.values())) > _MAX_CROSSING:
        return []
    crossed = (dict(zip(plan.factors, levels, strict=True)) for levels in itertools.product(*plan.factors.values()))
    return list(itertools.islice((cell for cell in crossed if not excluded(plan, cell)), MAX_CONDITIONS + 1))


def excluded(plan: ExperimentFields, cell: Mapping[str, str]) -> bool:
    """Whether an entry of `exclude` holds for the cell."""
    return any(all(cell.get(factor) == level for factor, level in part.items()) for part in plan.exclude)


def checked(site: CheckedDocument, plan: ExperimentFields) -> list[Cell]:
    """The cells; none when `exclude` names what is not there, leaves nothing, or leaves too many."""
    before = len(site.findings.mistakes)
    for i, part in enumerate(plan.exclude):
        for factor, level in part.items():
            levels: Mapping[str, Any] = plan.factors.get(factor, {})
            if factor not in plan.factors:
                site.unknown(("exclude", i, factor), f"no factor {factor!r}", suggest(factor, plan.factors))
            elif level not in levels:
                wrong = f"factor {factor!r} has no level {level!r}"
                site.wrong(("exclude", i, factor), wrong, suggest(level, levels))
    if len(site.findings.mistakes) > before:
        return []
    crossed = cells(plan)
    if len(crossed) > MAX_CONDITIONS or math.prod(map(len, plan.factors.values())) > _MAX_CROSSING:
        wrong = f"the factors cross to more than {MAX_CONDITIONS} conditions"
        site.wrong(("factors",), wrong, "remove factors or levels, or exclude cells")
        return []
    if not crossed:
        site.wrong(("exclude",), "every condition is excluded", "keep at least one cell of the crossing")
    return crossed
