"""Judges: what scores a rollout. `KINDS` maps the `kind` of a judge's YAML to its configuration.

A configuration has `names()`, `counted()`, `scale(criterion)`, `needs()`, `mistakes()` and `build(name)`; a judge of
one's own is a class with the same methods, named by `kind: module:Name`.
"""

from pydantic import BaseModel

from agentlab.judges.audit import AuditConfig
from agentlab.judges.match import MatchConfig
from agentlab.judges.rubric import RubricConfig

KINDS: dict[str, type[BaseModel]] = {"rubric": RubricConfig, "match": MatchConfig, "audit": AuditConfig}
