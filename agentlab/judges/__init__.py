"""Judges: what scores a rollout. `KINDS` maps the `kind` of a judge's YAML to its configuration.

A configuration has `names()`, `counted()`, `scale(criterion)`, `needs()`, `mistakes()`, `traits` and `build(name)`; a
judge of one's own is named by `kind: module:Name` (`agentlab.judges.own`).
"""

from collections.abc import Mapping
from typing import Any

from agentlab.judges.audit import AuditConfig
from agentlab.judges.compare import CompareConfig
from agentlab.judges.config import JudgeTraits
from agentlab.judges.equivalence import EquivalenceConfig
from agentlab.judges.match import MatchConfig
from agentlab.judges.program import ProgramConfig
from agentlab.judges.rubric import RubricConfig

__all__ = ["KINDS", "Config", "JudgeTraits", "recorded", "traits"]

Config = RubricConfig | MatchConfig | ProgramConfig | AuditConfig | CompareConfig | EquivalenceConfig
KINDS: dict[str, type[Config]] = {
    "rubric": RubricConfig,
    "match": MatchConfig,
    "program": ProgramConfig,
    "audit": AuditConfig,
    "compare": CompareConfig,
    "equivalence": EquivalenceConfig,
}


def recorded(meta: Mapping[str, Any]) -> dict[str, Any]:
    """The documents of a run's judges by name, as its `meta` holds them, those added later included."""
    return {**(meta.get("tree", {}).get("judges") or {}), **meta.get("added", {})}


def traits(meta: Mapping[str, Any], judge: str) -> JudgeTraits:
    """What a run's `meta` says of one of its judges; nothing of one that it does not know."""
    return JudgeTraits(**meta.get("traits", {}).get(judge, {}))
