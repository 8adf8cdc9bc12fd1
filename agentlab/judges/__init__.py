"""Judges: what scores a rollout. `KINDS` maps the `kind` of a judge's YAML to its configuration, a `JudgeConfig`.

A judge of one's own is named by `kind: module:Name` (`agentlab.judges.own`).
"""

from collections.abc import Mapping
from typing import Any

from agentlab.judges.config import JudgeConfig, JudgeTraits
from agentlab.registry import Registry

__all__ = ["KINDS", "JudgeConfig", "JudgeTraits", "recorded", "traits"]

KINDS = Registry[type[JudgeConfig]](
    __name__,
    {
        "rubric": "rubric:RubricConfig",
        "match": "match:MatchConfig",
        "program": "program:ProgramConfig",
        "audit": "audit:AuditConfig",
        "compare": "compare:CompareConfig",
        "equivalence": "equivalence:EquivalenceConfig",
    },
)


def recorded(meta: Mapping[str, Any]) -> dict[str, Any]:
    """The documents of a run's judges by name, as its `meta` holds them, those added later included."""
    return {**(meta.get("tree", {}).get("judges") or {}), **meta.get("added", {})}


def traits(meta: Mapping[str, Any], judge: str) -> JudgeTraits:
    """What a run's `meta` says of one of its judges; nothing of one that it does not know."""
    return JudgeTraits(**meta.get("traits", {}).get(judge, {}))
