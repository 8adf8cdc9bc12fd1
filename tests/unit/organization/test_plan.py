"""A plan before the tickets, and documents that everybody is shown: both as levels of a factor may switch them."""

import pytest

from agentlab.organization.agents import Agent, Organization
from agentlab.organization.board.tickets import tickets
from agentlab.organization.board.workspace import files
from agentlab.organization.protocols.board import BoardConfig
from agentlab.types import Act, Message, Task
from tests.support.boards import CAST, played, states, team, told


def view(organization: Organization, log: list[Message], agent: str, round: int) -> str:
    assert organization.hooks.view is not None
    return organization.hooks.view(agent, log, round)[0].content


def test_a_plan_comes_before_the_tickets_and_everybody_sees_it() -> None:
    organization = team(plan={"rounds": 2})
    log = played(
        organization,
        {"lead": '<plan>First a, then b.</plan><ticket id="T1">Too early.</ticket>'},
        {"lead": "<plan>First b, then a.</plan>"},
        {"lead": '<ticket id="T1" to="ann">Write b.</ticket><plan>Too late.</plan>'},
    )
    assert told(log, "lead", 1) == [("bounce", "T1"), ("planning", None)]
    assert told(log, "lead", 3) == [("bounce", None)]
    assert states(log) == {"T1": ("active", "ann")}
    assert "round 2 of 2 of the plan" in next(m.content for m in log if m.kind == "planning" and m.round == 1)
    for agent in CAST:
        assert "--- plan of lead\nFirst b, then a." in view(organization, log, agent, 4)
        assert "First a" not in view(organization, log, agent, 4)
    assert organization.protocol.briefed == {"lead"}


def test_all_agents_plan_and_see_the_task_for_it() -> None:
    organization = team(plan={"by": "all"})
    log = played(organization, {name: f"<plan>By {name}.</plan>" for name in CAST}, {"lead": "<ticket>a</ticket>"})
    assert organization.protocol.briefed == set(CAST)
    assert all(f"By {name}." in view(organization, log, "eve", 3) for name in CAST)
    assert told(log, "ann", 1) == []
    assert told(log, "lead", 1) == [("planning", None)]
    assert states(log) == {"T1": ("active", "ann")}


def test_agents_that_write_no_plan_go_on_without_one() -> None:
    organization = team(plan={"rounds": 1}, tries=2, stays=False)
    log = played(organization, {}, {}, {})
    assert told(log, "lead", 1) == [("planning", None)]
    assert told(log, "lead", 2) == [("continue", None)]
    assert told(log, "lead", 3) == []
    assert "Plan:\nnone yet" in view(organization, log, "lead", 3)


def test_one_agent_alone_gets_its_ticket_after_its_plan() -> None:
    config = BoardConfig.model_validate({"kind": "board", "workers": ("ann",), "plan": {"rounds": 1}})
    organization = Organization((Agent("ann"),), config.build(("ann",), None, None), 9)
    log = played(organization, {"ann": "<plan>Think, then do.</plan>"}, {"ann": "<done>Did it.</done>"})
    assert states(log) == {"T1": ("done", "ann")}
    assert tickets(log).by_id["T1"].opened == 1


def test_a_shared_document_is_shown_whole_to_all_who_may_all_write_it() -> None:
    organization = team(shared=("plan.md",), show="names")
    task = Task("t", "Build it.", fields={"files": {"a.py": "hidden text"}})
    said = {"lead": '<file path="plan.md">Step one.</file><ticket to="ann">a</ticket><file path="b.py">no</file>'}
    log = played(organization, said, {"ann": '<file path="plan.md">Step one.\nStep two.</file>'}, task=task)
    assert told(log, "lead", 1)[0] == ("bounce", "b.py")
    assert files(log) == {"a.py": "hidden text", "plan.md": "Step one.\nStep two.\n"}
    for agent in CAST:
        shown = view(organization, log, agent, 3)
        assert "Shared documents:\n--- plan.md\nStep one.\nStep two.\n" in shown
        assert "a.py (11 characters)" in shown
        assert "hidden text" not in shown
        assert "plan.md" in organization.protocol.manual(agent)
    assert "(not written yet)" in view(organization, log[:2], "eve", 1)


def test_tools_of_a_lead_may_write_a_shared_document() -> None:
    log = played(team(shared=("plan.md",)), {}, acts=(Act("file", "1", "plan.md"), Act("file", "2", "b.py")))
    assert files(log) == {"plan.md": "1"}


@pytest.mark.parametrize(
    ("fields", "steps"),
    [
        ({"shared": ["../x"]}, ("shared", 0)),
        ({"shared": ["data/plan.md"], "fixed": ["data"]}, ("shared", 0)),
    ],
)
def test_a_shared_document_is_a_file_that_can_be_written(fields: dict[str, object], steps: tuple[object, ...]) -> None:
    config = BoardConfig.model_validate({"kind": "board", "workers": CAST, **fields})
    assert [at for at, *_ in config.mistakes(CAST)] == [steps]


def test_planning_counts_toward_the_rounds_that_a_board_needs() -> None:
    plain = BoardConfig(kind="board", workers=("ann",))
    assert BoardConfig.model_validate({**plain.model_dump(), "plan": {"rounds": 3}}).turns() == plain.turns() + 3
