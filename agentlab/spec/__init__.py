"""Scenarios: from YAML to a design in which every condition is resolved and checked."""

from agentlab.spec.condition import Condition
from agentlab.spec.design import Design, load
from agentlab.spec.differences import differences
from agentlab.spec.recorded import rebuild
from agentlab.spec.schema import judge_schema, scenario_schema, schemas

__all__ = ["Condition", "Design", "differences", "judge_schema", "load", "rebuild", "scenario_schema", "schemas"]
