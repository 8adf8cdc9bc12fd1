"""A board after each round, and what each round changed in the files."""

from hypothesis import given
from hypothesis import strategies as st

from agentlab.organization.board.history import LINES, changes, diff, rounds
from agentlab.organization.board.workspace import files
from agentlab.types import Message, Task
from tests.support.boards import played, team

PLAN = {"lead": '<ticket id="T1" to="ann">Write a.</ticket><ticket id="T2" to="ben" after="T1">Write b.</ticket>'}


def signs(log: list[Message], ticket: str) -> list[tuple[int, str, str | None, bool]]:
    return [(s.round, s.state, s.owner, s.moved) for s in rounds(log) if s.ticket == ticket]


def test_a_ticket_is_told_in_every_round_until_it_is_over() -> None:
    log = played(team(tries=1, stays=False), PLAN, {}, {"ben": "<done>a</done>"}, {"eve": "<review>?</review>"}, {})
    assert signs(log, "T1") == [
        (1, "active", "ann", False),
        (2, "active", "ben", True),
        (3, "review", "ben", False),
        (4, "done", "ben", False),
    ]
    assert [state for _, state, _, _ in signs(log, "T2")] == ["open", "open", "open", "active", "active"]


def test_a_round_tells_what_it_made_of_the_files_and_who_did() -> None:
    task = Task("t", "x", fields={"files": {"a.py": "1\n2\n3\n", "old.py": "0\n"}})
    said = {"ann": '<file path="a.py">1\nzwei\n3</file><file path="new.py">4</file>'}
    log = played(team(), PLAN, said, task=task)
    found = list(changes(log))
    assert [(change.round, change.path, change.by) for change in found] == [
        (2, "a.py", ("ann",)),
        (2, "new.py", ("ann",)),
    ]
    assert found[0].diff.splitlines() == ["--- a.py", "+++ a.py", "@@ -1,3 +1,3 @@", " 1", "-2", "+zwei", " 3"]
    assert found[1].diff.startswith("--- /dev/null\n+++ new.py")


def test_a_long_diff_is_cut_and_says_so() -> None:
    lines = diff("a", None, "\n".join(map(str, range(500)))).splitlines()
    assert len(lines) == LINES + 1
    assert lines[-1].startswith("… 443 more lines")
    assert "too long to compare" in diff("a", "x\n" * 6000, "y")
    assert "only line ends" in diff("a", "x", "x\n")


TEXTS = st.none() | st.lists(st.sampled_from("ab\n"), max_size=9).map("".join)


@given(st.lists(st.tuples(st.sampled_from(("p", "q")), TEXTS), max_size=8))
def test_a_change_is_told_exactly_where_a_round_changes_a_file(edits: list[tuple[str, str | None]]) -> None:
    log = [
        Message("ann", ("@workspace",), "removed" if text is None else "file", text or "", path, 1 + i // 2)
        for i, (path, text) in enumerate(edits)
    ]
    told = {(change.round, change.path) for change in changes(log)}
    for round in {message.round for message in log}:
        before, after = (files(m for m in log if m.round <= end) for end in (round - 1, round))
        assert {path for at, path in told if at == round} == {p for p in "pq" if before.get(p) != after.get(p)}
