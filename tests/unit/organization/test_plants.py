"""Flaws that are planted: as if by their author, once, recorded, and caught by a review that names them."""

from typing import Any

import pytest

from agentlab.organization.board.tickets import Ticket, tickets
from agentlab.organization.board.workspace import files
from agentlab.organization.protocols.board import BoardConfig
from agentlab.types import Message, Task
from tests.support.boards import CAST, played, team, told

PLAN = {"lead": '<ticket id="T1" to="ann">Write a, under 9 words.</ticket><ticket id="T2" to="ben">Write b.</ticket>'}
WORK = {
    "ann": '<file path="a.py">return 2</file><done>I wrote a.</done>',
    "ben": '<file path="b.py">return 2</file><done>I wrote b.</done>',
}


def planted(*rounds: dict[str, str], **fields: Any) -> tuple[list[Message], dict[str, Ticket]]:
    log = played(team(plant={"bug": fields}), PLAN, WORK, *rounds)
    return log, tickets(log).by_id


def marks(ticket: Ticket) -> tuple[list[str], list[str], list[str], int]:
    return ticket.planted, ticket.caught, ticket.unplanted, ticket.reviews


def test_a_bug_stands_in_the_authors_file_before_the_review_and_is_caught_by_who_names_it() -> None:
    reviews = '<review id="T1" verdict="change">It returns 3.</review><review id="T2" verdict="approve">Good.</review>'
    log, by_id = planted({"eve": reviews}, find="return 2", text="return 3", caught="returns? 3")
    edit = [m for m in log if m.kind == "file" and m.ref == "a.py"][-1]
    assert (edit.sender, edit.content, edit.round) == ("ann", "return 3\n", 2)
    assert files(log)["b.py"] == "return 2\n"
    assert marks(by_id["T1"]) == (["bug"], ["bug"], [], 1)
    assert marks(by_id["T2"]) == ([], [], [], 1)
    assert all("bug" not in m.content for m in log if not any(name.startswith("@") for name in m.to))


def test_a_review_that_wants_something_else_does_not_catch_it() -> None:
    _, by_id = planted(
        {"eve": '<review id="T1" verdict="change">Add a comment.</review>'},
        {"ann": "<done>Added.</done>"},
        {"eve": '<review id="T1" verdict="approve">Good.</review>'},
        find="return 2",
        text="return 3",
        caught="returns? 3",
    )
    assert marks(by_id["T1"]) == (["bug"], [], [], 2)
    assert by_id["T1"].state == "done"


def test_a_flaw_is_planted_once_however_often_the_ticket_is_done() -> None:
    log, by_id = planted(
        {"eve": '<review id="T1" verdict="change">Not 3.</review>'},
        {"ann": '<file path="a.py">return 2</file><done>Mended.</done>'},
        find="return 2",
        text="return 3",
    )
    assert files(log)["a.py"] == "return 2\n"
    assert marks(by_id["T1"]) == (["bug"], ["bug"], [], 1)


def test_every_ticket_may_get_it_and_a_file_may_be_named() -> None:
    log, by_id = planted(ticket="all", path="notes.md", text="See b.")
    assert [ticket.planted for ticket in by_id.values()] == [["bug"], ["bug"]]
    assert files(log)["notes.md"] == "See b.\nSee b.\n"


def test_a_report_may_claim_what_is_not_so() -> None:
    log, by_id = planted(where="report", text="All tests pass.")
    request = next(m for m in log if m.kind == "request" and m.ref == "T1")
    assert "I wrote a.\nAll tests pass." in request.content
    assert by_id["T1"].planted == ["bug"]


def test_a_ticket_may_lose_a_constraint_before_its_owner_reads_it() -> None:
    log, by_id = planted(where="ticket", find=", under 9 words", text="")
    assert by_id["T1"].text == "Write a."
    assert next(m.content for m in log if m.kind == "work" and m.ref == "T1") == "Write a."
    assert told(log, "ann", 1) == [("work", "T1")]


@pytest.mark.parametrize(
    "fields",
    [
        {"find": "nowhere", "text": "x"},
        {"path": "other.py", "find": "2", "text": "x"},
        {"path": "a.py/b", "text": "x"},
        {"where": "report", "find": "nowhere", "text": "x"},
        {"where": "ticket", "find": "nowhere", "text": "x"},
    ],
)
def test_a_flaw_without_a_place_is_recorded_as_not_planted(fields: dict[str, Any]) -> None:
    log, by_id = planted(**fields)
    assert marks(by_id["T1"]) == ([], [], ["bug"], 0)
    assert files(log) == {"a.py": "return 2\n", "b.py": "return 2\n"}


def test_without_a_flaw_nothing_is_different() -> None:
    log, plain = planted(ticket=9, text="x")[0], played(team(), PLAN, WORK)
    assert log == plain


@pytest.mark.parametrize(
    ("fields", "steps"),
    [
        ({"find": "(", "text": "x"}, ("plant", "bug", "find")),
        ({"caught": "(", "text": "x"}, ("plant", "bug", "caught")),
        ({"ticket": 0, "text": "x"}, ("plant", "bug", "ticket")),
        ({"where": "report", "path": "a.py", "text": "x"}, ("plant", "bug", "path")),
        ({"path": "../a", "text": "x"}, ("plant", "bug", "path")),
        ({"path": "data/x", "text": "x"}, ("plant", "bug", "path")),
        ({"text": ""}, ("plant", "bug", "text")),
    ],
)
def test_a_flaw_that_cannot_be_planted_is_a_mistake_of_the_scenario(
    fields: dict[str, Any], steps: tuple[str, ...]
) -> None:
    config = BoardConfig.model_validate({"kind": "board", "workers": CAST, "plant": {"bug": fields}, "fixed": ["data"]})
    assert [at for at, *_ in config.mistakes(CAST)] == [steps]


def test_a_task_that_has_files_may_get_a_flaw_in_one_of_them() -> None:
    task = Task("t", "Build it.", fields={"files": {"lib.py": "x = 1\n"}})
    log = played(team(plant={"bug": {"path": "lib.py", "find": "1", "text": "2"}}), PLAN, WORK, task=task)
    assert files(log)["lib.py"] == "x = 2\n"
