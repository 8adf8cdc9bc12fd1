"""A small scenario that the tests change: two agents that mail each other, against one alone."""

from pathlib import Path

import pytest

from agentlab.errors import ScenarioError
from agentlab.scenario.condition import Condition
from agentlab.scenario.design import Design
from agentlab.scenario.loading import load

BASE = """\
spec: 1
name: firm
models:
  default: {name: sim/chatter}
  judge: {name: sim/replies}
tasks:
  loan: {prompt: "Help {{client}}.", fields: {client: Bank}}
organization:
  agents:
    boss: {system: Lead.}
    hand: {system: Work.}
  protocol:
    kind: mail
    start: [boss]
    contacts: {boss: [hand], hand: [boss]}
  rounds: 4
  closing: {ask: Report., agent: boss}
factors:
  team:
    firm: {}
    solo: {organization: {cast: [boss], protocol: {kind: chain, stages: [[boss]]}}}
draws: 2
judges:
  quality:
    kind: rubric
    criteria: {focus: {text: Is it focused?}}
measures:
  utility: {judge: quality, criteria: [focus]}
limits: {rollout: {tokens: 200k}}
"""

Change = tuple[str, str]


def design(*changes: Change, **options: str) -> Design:
    """The scenario with some texts replaced, written into the working folder as `s.yaml` and loaded."""
    text = BASE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    Path("s.yaml").write_text(text)
    return load("s.yaml", **options)


def wrong(*changes: Change, **options: str) -> str:
    """What is said of the scenario with these changes."""
    with pytest.raises(ScenarioError) as caught:
        design(*changes, **options)
    return str(caught.value)


def cell(of: Design, name: str) -> Condition:
    return next(condition for condition in of.conditions if condition.name == name)


def section(name: str, until: str) -> str:
    """The text of the scenario from one section to the next."""
    return BASE[BASE.index(f"{name}:") : BASE.index(f"{until}:")]


PRESSURE = (
    "factors:\n",
    "factors:\n  pressure:\n    none: {}\n    profit: {addendum: {duty: {text: Earn money., to: task}}}\n",
)
"""A second factor."""
