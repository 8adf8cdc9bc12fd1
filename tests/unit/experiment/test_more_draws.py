"""More draws than the scenario has extend a run."""

import asyncio
from pathlib import Path

from agentlab.experiment.cost import plan
from agentlab.experiment.specs import Selection, rollout_specs
from agentlab.scenario.loading import load

SCENARIO = """
spec: 1
name: more
models: {default: {name: sim/chatter}}
tasks: {a: {prompt: Ask.}, b: {prompt: Ask again.}}
organization: {agents: {ann: {}}, protocol: {kind: chain, stages: [[ann]]}}
draws: 2
"""


def test_more_draws_than_the_scenario_has_are_played_and_priced(tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text(SCENARIO)
    design, more = load(tmp_path / "more.yaml"), Selection(draws=5)
    assert len(list(rollout_specs(design, 1, more))) == 10
    assert asyncio.run(plan(design, more)).rollouts == 10
