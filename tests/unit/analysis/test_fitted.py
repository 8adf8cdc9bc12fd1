"""A table that is too wide for the terminal: every part of it says which row is which."""

from agentlab.analysis.column import Column
from agentlab.analysis.fitted import fitted

WORDS = (Column("arm", ("proxy", "proxy", "truth"), False), Column("measure", ("right", "right", "right"), False))
GENERATION = Column("generation", ("0", "1", "0"), True)
VALUES = tuple(Column(name, ("0.500 [0.400, 0.600]",) * 3, True) for name in ("first", "second", "third"))


def test_rows_that_only_a_whole_number_tells_apart_keep_it_in_every_part() -> None:
    parts = fitted((*WORDS, GENERATION, *VALUES), 60).split("\n\n")
    assert len(parts) > 1
    assert all("generation" in part.split("\n")[0] for part in parts)


def test_rows_that_words_tell_apart_repeat_no_number() -> None:
    other = (Column("arm", ("a", "b", "c"), False), *WORDS[1:], GENERATION, *VALUES)
    assert [part.split("\n")[0].count("generation") for part in fitted(other, 60).split("\n\n")] == [1, 0]


def test_further_parts_repeat_only_the_columns_that_tell_rows_apart() -> None:
    role = Column("role", ("primary", "primary", "primary"), False)
    first, second = fitted((role, Column("arm", ("a", "b", "c"), False), WORDS[1], *VALUES), 62).split("\n\n")
    assert first.split("\n")[0].split() == ["role", "arm", "measure", "first", "second"]
    assert second.split("\n")[0].split() == ["arm", "third"]


def test_headings_of_numbers_wrap_before_a_table_is_parted() -> None:
    share = Column("share of the variance", ("0.1", "0.2", "0.3"), True)
    text = fitted((*WORDS, share, share, share), 60)
    assert "\n\n" not in text
    assert max(map(len, text.split("\n"))) <= 60


def test_the_name_of_a_group_stands_on_one_line_however_narrow_the_table_is() -> None:
    first = Column("criterion", ("manners (pair - solo)", "polite", "clear"), False, frozenset({0}))
    text = fitted((first, *VALUES[:2], Column("conclusion", ("", "no difference found", "solo better"), False)), 70)
    assert " manners (pair - solo)" in text.split("\n")
