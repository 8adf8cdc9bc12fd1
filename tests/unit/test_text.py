"""Numbers and their nouns."""

from agentlab.text import about, duration, pluralize, pluralize_range


def test_one_is_singular_and_thousands_are_parted() -> None:
    assert [pluralize(n, "task") for n in (0, 1, 2, 1000)] == ["0 tasks", "1 task", "2 tasks", "1,000 tasks"]
    assert pluralize(2, "reply", "replies") == "2 replies"


def test_equal_ends_are_one_number() -> None:
    assert (pluralize_range(12, 12, "draw"), pluralize_range(1, 1, "draw"), pluralize_range(1, 2, "draw")) == (
        "12 draws",
        "1 draw",
        "1 to 2 draws",
    )


def test_times_are_told_in_two_units_at_most_and_unsure_ones_rounded_up() -> None:
    times = (0.4, 59.9, 60, 3599, 3600, 90_061)
    assert [duration(s) for s in times] == ["0 s", "59 s", "1 min 0 s", "59 min 59 s", "1 h 0 min", "25 h 1 min"]
    told = ["about 10 s", "about 50 s", "about 1 min", "about 3 min", "about 1 h", "about 1 h 10 min"]
    assert [about(s) for s in (0, 41, 59, 122, 3599, 3601)] == told
