"""Scenarios: from YAML to a design in which every condition is resolved and checked."""

from agentlab.scenario.changed import differences
from agentlab.scenario.condition import Condition
from agentlab.scenario.design import Design
from agentlab.scenario.json_schema import judge_schema, scenario_schema, schemas
from agentlab.scenario.loading import load
from agentlab.scenario.rebuild import rebuild

__all__ = ["Condition", "Design", "differences", "judge_schema", "load", "rebuild", "scenario_schema", "schemas"]
