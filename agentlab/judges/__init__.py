"""Judges: what scores a rollout. `KINDS` maps the `kind` of a judge's YAML to its configuration, a `JudgeConfig`.

A judge of one's own is named by `kind: module:Name` (`agentlab.judges.own`).
"""

from typing import TYPE_CHECKING

from agentlab.judges.facts import JudgeTraits, recorded, traits
from agentlab.registry import Registry

if TYPE_CHECKING:
    from agentlab.judges.config import JudgeConfig  # what reads a run needs no YAML of its judges

__all__ = ["KINDS", "JudgeTraits", "recorded", "traits"]

KINDS: "Registry[type[JudgeConfig]]" = Registry(
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
