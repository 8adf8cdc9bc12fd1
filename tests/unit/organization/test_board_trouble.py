"""A board in trouble ends as data: silence, tickets for nobody, odd files, huge replies. What reviewers remember."""

import asyncio
from dataclasses import replace
from typing import Literal

import pytest

from agentlab.engine.client import Client
from agentlab.engine.play import play
from agentlab.models.simulated.sim import Scripted
from agentlab.organization.agents import Agent, Organization
from agentlab.organization.board.options import ReviewConfig
from agentlab.organization.board.tickets import tickets
from agentlab.organization.board.workspace import files
from agentlab.organization.protocols.board import BoardConfig
from agentlab.types import OUTPUT, Message, Request, Rollout
from tests.support.boards import Said, played, states, team
from tests.support.strategies import rollout_spec

PLAN = {"lead": '<ticket id="T1" to="ann">Write a.</ticket><ticket id="T2" to="ben">Write b.</ticket>'}


@pytest.mark.parametrize("memory", ["all", "unread", 1])
@pytest.mark.parametrize("reviewer", ["eve", "ben"])
def test_a_reviewer_remembers_earlier_reviews_only_with_memory(
    memory: Literal["all", "unread"] | int, reviewer: str
) -> None:
    """It may be an agent of its own (eve) or one of the coders (ben)."""
    names = ("lead", "ann", "ben") if reviewer == "ben" else ("lead", "ann", "ben", "eve")
    config = BoardConfig(kind="board", lead="lead", workers=("ann", "ben"), review=ReviewConfig(by=(reviewer,)))
    agents = tuple(replace(Agent(name), memory=memory if name == reviewer else "all") for name in names)
    organization = Organization(agents, config.build(names, None, None), 12)
    seen = list[str]()

    def answer(request: Request) -> str:
        where, last = request.where, request.chat[-1].content
        if where.actor == reviewer and "<request " in last:
            seen.append("\n".join(entry.content for entry in request.chat))
            verdict = "change" if len(seen) == 1 else "approve"
            return f'<review id="T1" verdict="{verdict}">Remark {len(seen)}.</review>'
        if where.actor == "lead" and where.round == 1:
            return '<ticket id="T1" to="ann">Write a.</ticket>'
        return '<done id="T1">Done.</done>' if where.actor == "ann" else ""

    rollout: Rollout = asyncio.run(play(rollout_spec(organization), Client({"default": Scripted(answer)})))
    assert states(rollout.messages) == {"T1": ("done", "ann")}
    assert len(seen) == 2
    own_words = '<review id="T1" verdict="change">Remark 1.' in seen[1]
    assert own_words == (memory != "unread")
    assert "What was to be changed:\nRemark 1." in seen[1], "the board tells it what is to be looked at again"


def test_when_all_workers_are_silent_the_tickets_fail_and_the_summary_says_so() -> None:
    silence: list[Said] = [{}] * 8
    log = played(team(tries=2, moves=1, stays=False), PLAN, *silence)
    assert {state for state, _ in states(log).values()} == {"failed"}
    assert [m.content for m in log if OUTPUT in m.to] == ["T1 is failed: Write a.\nT2 is failed: Write b."]
    assert all(ticket.reason for ticket in tickets(log).by_id.values())


def test_a_ticket_for_nobody_goes_to_who_has_the_least_to_do() -> None:
    plan = '<ticket id="T1" to="ann">a</ticket><ticket id="T2" to="eve">b</ticket><ticket id="T3" to="">c</ticket>'
    log = played(team(), {"lead": plan})
    assert states(log)["T2"] == ("active", "ben")
    assert [m.ref for m in log if m.kind == "bounce"] == ["T2", "T3"]


@pytest.mark.parametrize(
    "path", ["", ".", "..", "/x", "a/../../x", "a\\b", "a\tb", ".ssh/id", "x" * 300, "con\x00", "\u202e.py"]
)
def test_a_file_with_an_odd_name_is_refused_and_its_author_is_told(path: str) -> None:
    log = played(team(), PLAN, {"ann": f'<file path="{path}">x</file><file path="good.py">y</file>'})
    assert files(log) == {"good.py": "y\n"}
    assert [m.to for m in log if m.kind == "bounce"] == [("ann",)]


@pytest.mark.parametrize(
    "tag", ["plan", "ticket id='T9'", "file path='a'", "done id='T1'", "review", "claim", "output"]
)
def test_a_megabyte_of_tags_that_never_close_is_one_message(tag: str) -> None:
    unclosed = f"<{tag}>" * (1_000_000 // (len(tag) + 2))
    log = played(team(), {"lead": unclosed}, {})
    assert [(m.kind, m.to) for m in log if m.round == 1 and m.kind != "continue"] == [("unparsed", ("lead",))]
    assert not files(log)


def test_no_reply_puts_up_more_tickets_than_a_board_may_have() -> None:
    plan = "".join(f'<ticket id="N{i}">x</ticket>' for i in range(900))
    log = played(team(), {"lead": plan}, {"ann": '<file path="a">x</file>' * 900})
    assert len(tickets(log).by_id) == 200
    assert files(log) == {"a": "x\n"}


def test_what_was_lost_is_told_to_its_author_alone() -> None:
    log: list[Message] = played(team(), {"lead": '<done id="T9">x</done><review id="T9" verdict="approve">y</review>'})
    assert {m.to for m in log if m.kind == "bounce"} == {("lead",)}
