"""Judges: what scores a rollout. `KINDS` maps the `kind` of a judge's YAML to its configuration.

A configuration has `names()`, `pluralize()`, `scale(criterion)`, `needs()`, `mistakes()` and `build(name)`; a judge of
one's own is a class with the same methods, named by `kind: module:Name`. Those of `OF_TWO` build a judge of two.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from agentlab.judges.audit import AuditConfig
from agentlab.judges.compare import CompareConfig
from agentlab.judges.equivalence import EquivalenceConfig
from agentlab.judges.match import MatchConfig
from agentlab.judges.rubric import RubricConfig

KINDS: dict[str, type[BaseModel]] = {
    "rubric": RubricConfig,
    "match": MatchConfig,
    "audit": AuditConfig,
    "compare": CompareConfig,
    "equivalence": EquivalenceConfig,
}
OF_TWO = (CompareConfig, EquivalenceConfig)
"""Kinds whose verdicts are on two outputs, and so no part of a measure."""


def recorded(meta: Mapping[str, Any]) -> dict[str, Any]:
    """The documents of a run's judges by name, as its `meta` holds them, those added later included."""
    return {**(meta.get("tree", {}).get("judges") or {}), **meta.get("added", {})}
