"""Numbers and their nouns."""

from agentlab.text import pluralize, pluralize_range


def test_one_is_singular_and_thousands_are_parted() -> None:
    assert [pluralize(n, "task") for n in (0, 1, 2, 1000)] == ["0 tasks", "1 task", "2 tasks", "1,000 tasks"]
    assert pluralize(2, "reply", "replies") == "2 replies"


def test_equal_ends_are_one_number() -> None:
    assert (pluralize_range(12, 12, "draw"), pluralize_range(1, 1, "draw"), pluralize_range(1, 2, "draw")) == (
        "12 draws",
        "1 draw",
        "1 to 2 draws",
    )
