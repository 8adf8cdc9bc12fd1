"""A team at a board: tickets, reviews, files that are merged, and that something always goes on."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentlab.engine.rules import awake, following, opening
from agentlab.organization.agents import Agent, Organization
from agentlab.organization.board.merge import merge
from agentlab.organization.board.options import ReviewConfig
from agentlab.organization.board.tickets import OVER, tickets
from agentlab.organization.board.workspace import fault, files
from agentlab.organization.protocols.board import BoardConfig
from agentlab.types import OUTPUT, Act, Message, Task
from tests.support.boards import CAST, call, played, stamped, states, team, told
from tests.support.strategies import boards, replies

PLAN = {"lead": '<ticket id="T1" to="ann">Write a.</ticket><ticket id="T2" to="ben" after="T1">Write b.</ticket>'}


def test_a_ticket_goes_from_the_lead_to_a_worker_to_a_reviewer_and_ends() -> None:
    log = played(
        team(),
        PLAN,
        {"ann": '<file path="a.py">1</file><done id="T1">made a</done>'},
        {"eve": '<review id="T1" verdict="change">Say 2.</review>'},
        {"ann": '<file path="a.py">2</file><done>now 2</done>'},
        {"eve": '<review verdict="approve">Good.</review>'},
        {"ben": '<done id="T2">made b</done>'},
        {"eve": '<review id="T2" verdict="approve">Good.</review>'},
        {},
    )
    assert told(log, "ben", 1) == []  # its ticket waits for the other
    assert told(log, "ann", 3) == [("change", "T1")]
    assert told(log, "ben", 5) == [("work", "T2")]
    assert states(log) == {"T1": ("done", "ann"), "T2": ("done", "ben")}
    assert files(log) == {"a.py": "2\n"}
    assert [m.content for m in log if OUTPUT in m.to] == ["T1 is done: Write a.\nT2 is done: Write b.\nFiles: a.py"]


def test_nobody_reviews_ends_or_claims_what_is_not_theirs() -> None:
    log = played(
        team(review=ReviewConfig(by=("ann", "ben"))),
        {"lead": PLAN["lead"] + '<ticket id="T1">Again.</ticket><ticket to="ghost">Other.</ticket>'},
        {"ann": ""},
        {"ann": "<done>made a</done><review>Fine.</review>"},
        {"ben": '<done id="T1">mine</done><review id="T1" verdict="?">Hm.</review>'},
    )
    lost = [(m.to, m.kind, m.ref) for m in log if m.kind in ("bounce", "unparsed")]
    assert lost == [
        (("lead",), "bounce", "T1"),
        (("lead",), "bounce", "T3"),
        (("ann",), "bounce", None),
        (("ben",), "bounce", "T1"),
        (("ben",), "unparsed", "T1"),
    ]
    assert told(log, "ben", 3) == [("request", "T1")]  # never its owner


def test_a_silent_owner_is_reminded_then_replaced_then_the_ticket_and_what_waits_for_it_fail() -> None:
    log = played(team(tries=2, moves=1, stays=False), PLAN, {}, {}, {}, {})
    assert [told(log, "ann", round) for round in (1, 2, 3)] == [[("work", "T1")], [("continue", "T1")], []]
    assert [told(log, "ben", round) for round in (3, 4)] == [[("work", "T1")], [("continue", "T1")]]
    assert states(log) == {"T1": ("failed", "ben"), "T2": ("failed", "ben")}
    assert [m.content for m in log if OUTPUT in m.to] == ["T1 is failed: Write a.\nT2 is failed: Write b."]


def test_a_review_that_never_comes_ends_the_ticket_and_says_so() -> None:
    log = played(team(tries=2, stays=False), PLAN, {"ann": "<done>a</done>"}, {}, {})
    assert tickets(log).by_id["T1"].reason == "No review came."


def test_tickets_that_wait_for_each_other_fail() -> None:
    plan = '<ticket id="A" after="B">a</ticket><ticket id="B" after="A">b</ticket><ticket id="C">c</ticket>'
    log = played(team(), {"lead": plan})
    assert states(log) == {"A": ("failed", None), "B": ("failed", None), "C": ("active", "ann")}


def test_a_ticket_without_an_owner_is_offered_and_the_first_in_the_roster_has_it() -> None:
    claim = {name: '<claim id="T1"></claim>' for name in ("ann", "ben")}
    log = played(team(assign="claim"), {"lead": "<ticket>a</ticket>"}, claim)
    assert states(log) == {"T1": ("active", "ann")}
    assert ("bounce", "T1") in told(log, "ben", 2)
    unwanted = played(team(assign="claim"), {"lead": "<ticket>a</ticket>"}, {})
    assert states(unwanted) == {"T1": ("active", "ann")}


def test_one_agent_alone_has_one_ticket_which_is_the_task() -> None:
    config = BoardConfig(kind="board", workers=("ann",), fixed=("data",))
    organization = Organization((Agent("ann"),), config.build(("ann",), None, ("ann",)), 9)
    task = Task("t", "Build it.", fields={"files": {"data/x.csv": "1,2"}})
    log = played(
        organization,
        {"ann": '<file path="data/x.csv">3</file><file path="y.py">4</file><done>built</done>'},
        task=task,
    )
    assert files(log) == {"data/x.csv": "1,2", "y.py": "4\n"}
    assert [m.kind for m in log if m.round == 1] == ["bounce", "file", "done", "closed", "output"]


def test_edits_of_one_round_are_merged_and_one_that_cannot_be_makes_its_done_void() -> None:
    task = Task("t", "Build it.", fields={"files": {"a.py": "1\n2\n3\n4\n5\n"}})
    plan = {"lead": '<ticket to="ann">a</ticket><ticket to="ben">b</ticket>'}

    def both(first: str, second: str) -> list[Message]:
        said = {
            "ann": f'<file path="a.py">{first}</file><done>a</done>',
            "ben": f'<file path="a.py">{second}</file><done>b</done>',
        }
        return played(team(), plan, said, task=task)

    merged = both("one\n2\n3\n4\n5", "1\n2\n3\n4\nfive")
    assert files(merged) == {"a.py": "one\n2\n3\n4\nfive\n"}
    assert {state for state, _ in states(merged).values()} == {"review"}
    refused = both("one\n2\n3\n4\n5", "eins\n2\n3\n4\n5")
    assert files(refused) == {"a.py": "one\n2\n3\n4\n5\n"}
    assert states(refused) == {"T1": ("review", "ann"), "T2": ("active", "ben")}
    assert ("conflict", "a.py") in told(refused, "ben", 2)


def test_a_name_is_a_file_or_a_folder_and_who_was_first_has_it() -> None:
    plan = {"lead": '<ticket to="ann">a</ticket><ticket to="ben">b</ticket>'}
    said = {
        "ann": '<file path="a">1</file><file path="a/c">2</file>',
        "ben": '<file path="a/b">3</file><done>b</done>',
    }
    log = played(team(), plan, said)
    assert files(log) == {"a": "1\n"}
    assert ("bounce", "a/c") in told(log, "ann", 2)
    assert ("conflict", "a/b") in told(log, "ben", 2)
    assert states(log)["T2"] == ("active", "ben")


@pytest.mark.parametrize(
    ("fields", "steps"),
    [
        ({"files": ["a"]}, ("files",)),
        ({"files": {"../a": "x"}}, ("files", "../a")),
        ({"files": {"a": 5}}, ("files", "a")),
        ({"files": {"a": "x", "a/b": "y"}}, ("files", "a/b")),
        ({"files": {"a": "x" * 1_000_001}}, ("files", "a")),
        ({"constraints": "short"}, ("constraints",)),
        ({"constraints": {"short": "["}}, ("constraints", "short")),
    ],
)
def test_fields_of_a_task_that_a_board_cannot_use_are_found_before_it_runs(
    fields: dict[str, Any], steps: tuple[str, ...]
) -> None:
    board = BoardConfig(kind="board", workers=CAST).build(CAST, None, None)
    assert board.misfit(Task("t", "x")) is None
    assert board.misfit(Task("t", "x", fields={"files": {"a/b.txt": "x"}, "constraints": {"n": "200 words"}})) is None
    flaw = board.misfit(Task("t", "x", fields=fields))
    assert flaw is not None
    assert flaw[0] == ("fields", *steps)


def test_a_fixed_path_is_one_that_a_file_can_have() -> None:
    config = BoardConfig(kind="board", workers=CAST, fixed=("data", "data/", "/etc", "a/b.txt"))
    assert [steps for steps, *_ in config.mistakes(CAST)] == [("fixed", 1), ("fixed", 2)]


def test_tools_write_and_remove_files() -> None:
    acts = (Act("file", "1", "a.py"), Act("file", "2", "b.py"), Act("removed", "", "a.py"), Act("file", "3", "../c"))
    log = played(team(), PLAN, {}, acts=acts)
    assert files(log) == {"b.py": "2"}
    assert [(m.to, m.ref) for m in log if m.kind == "bounce" and m.to != ("lead",)] == [(("ann",), "../c")]
    assert not any(m.kind in ("file", "removed") for m in log if m.sender == "lead")


LINES = st.lists(st.sampled_from("abcd"), max_size=8).map(lambda lines: "".join(f"{line}\n" for line in lines))


@given(LINES, LINES, LINES)
def test_a_merge_keeps_what_only_one_changed_and_does_not_depend_on_who_was_first(a: str, b: str, c: str) -> None:
    assert merge(a, a, b) == b
    assert merge(a, b, a) == b
    assert merge(a, b, b) == b
    assert merge(a, b, c) == merge(a, c, b)


@given(LINES, LINES, LINES, LINES, LINES)
def test_changes_that_lie_apart_are_both_made(head: str, tail: str, middle: str, first: str, second: str) -> None:
    wall = f"<1>\n{middle}<2>\n"
    assert merge(head + wall + tail, first + wall + tail, head + wall + second) == first + wall + second


@pytest.mark.parametrize(
    "path", ["", "/etc/passwd", "../x", "a/../b", "a//b", "a\\b", ".git/x", "x" * 101, "a\nb", "C:x", "字" * 100]
)
def test_a_file_lies_inside_the_workspace(path: str) -> None:
    assert fault(path, "", {}) is not None


@st.composite
def histories(draw: st.DrawFn) -> tuple[Organization, list[Message], int]:
    """A board after some rounds of any replies."""
    organization = Organization(tuple(map(Agent, CAST)), draw(boards(CAST)).build(CAST, None, None), 50)
    log = stamped(opening(organization, Task("t", "x"), 0), 0, 0)
    last = draw(st.integers(1, 6))
    for round in range(1, last + 1):
        actors, _ = awake(organization, log, round, ())
        turns = [[call(agent.name, round, draw(replies))] for agent in actors]
        log += stamped(following(organization, log, turns, round, 0), round, len(log))
    return organization, log, last


@settings(max_examples=40)
@given(histories())
def test_somebody_has_something_to_do_until_every_ticket_is_over(
    history: tuple[Organization, list[Message], int],
) -> None:
    organization, log, round = history
    board = tickets(log)
    actors, _ = awake(organization, log, round + 1, ())
    over = all(ticket.state in OVER for ticket in board.by_id.values())
    assert actors or over
    if board.by_id and over and not actors:
        assert any(OUTPUT in message.to for message in log)
    for ticket in board.by_id.values():
        assert ticket.state not in ("submitted", "approved")
        assert ticket.state != "review" or ticket.reviewer != ticket.owner
        assert (ticket.closed is not None) == (ticket.state in OVER)
