"""Agents of which there are several."""

from pathlib import Path

import pytest

from agentlab.errors import ScenarioError
from agentlab.scenario.loading import load

TEXT = """\
spec: 1
name: c
models: {default: {name: sim/chatter}}
tasks: {t: {prompt: Build it.}}
organization:
  agents:
    lead: {system: Lead.}
    coder: {system: "You are {{agent}}.", copies: 3}
  protocol: {kind: mail, start: [lead], contacts: {lead: [coder], coder: [coder, lead]}}
  closing: {ask: Report., agent: lead}
addendum: {hurry: {text: Be quick., to: [coder]}}
factors: {team: {three: {}, one: {organization: {agents: {coder: {copies: 1}}}}}}
"""


def test_a_name_means_all_its_copies_and_nobody_is_its_own_contact(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(TEXT)
    three, one = load(path).conditions
    copies = ("coder.1", "coder.2", "coder.3")
    assert [agent.name for agent in three.organization.agents] == ["lead", *copies]
    assert three.organization.agents[2].system == "You are coder.2.\n\nBe quick."
    edges = three.organization.protocol.edges
    assert edges["lead"][:3] == copies
    assert edges["coder.2"] == ("coder.1", "coder.3", "lead")
    assert [agent.name for agent in one.organization.agents] == ["lead", "coder.1"]
    assert one.organization.protocol.edges["coder.1"] == ("lead",)


@pytest.mark.parametrize(
    ("old", "new", "place", "wrong"),
    [
        ("coder: [coder, lead]", "coder: [coder, leed]", "9:82", "contacts.coder[1]: no agent 'leed'"),
        ("copies: 3", "copies: 0", "8:", "copies"),
        ("copies: 3", "copies: many", "8:", "copies"),
        ("lead: {system: Lead.}", "coder.2: {system: Lead.}", "8:", "has the same name as another agent"),
        ("to: [coder]", "to: [codr]", "11:", "no agent 'codr'"),
    ],
)
def test_what_is_wrong_is_told_where_it_was_written(tmp_path: Path, old: str, new: str, place: str, wrong: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(TEXT.replace(old, new))
    with pytest.raises(ScenarioError) as told:
        load(path)
    assert any(f":{place}" in line and wrong in line for line in str(told.value).splitlines()), str(told.value)
