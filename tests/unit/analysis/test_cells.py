"""Rows of a table in one sentence: each by its condition, with a value or a word that there is none."""

import pandas as pd

from agentlab.analysis.cells import columns, listed, text


def test_a_condition_is_named_by_its_level_unless_that_is_a_number() -> None:
    table = pd.DataFrame({"condition": ["team=firm", "generation=2"], "share": [0.25, 1.0]})
    assert listed(table, "condition", "share") == "firm 0.250; generation=2 1.000"


def test_a_row_without_a_value_says_so() -> None:
    table = pd.DataFrame({"condition": ["team=firm", "team=solo"], "share": [0.25, None]})
    assert listed(table, "condition", "share") == "firm 0.250; solo unknown"


def test_zero_has_no_minus() -> None:
    assert text(-0.0) == "0.000"
    assert text(-1e-17, "difference") == "+0.000"
    table = pd.DataFrame({"difference": [-1e-17], "difference_low": [-0.5], "difference_high": [0.5]})
    assert columns(table)[0].cells == ("+0.000 [-0.500, +0.500]",)


def test_a_large_number_has_four_digits() -> None:
    assert [text(number) for number in (9.8765, 51.1, 511.1, 5111.1)] == ["9.877", "51.10", "511.1", "5,111"]
    table = pd.DataFrame({"tokens": [511.1, 0.25], "tokens_low": [480.25, 0.2], "tokens_high": [602.125, 0.3]})
    assert columns(table)[0].cells == ("511.1 [480.2, 602.1]", "0.250 [0.200, 0.300]")


def test_rows_after_the_first_are_counted_and_a_first_row_without_a_value_says_so() -> None:
    table = pd.DataFrame({"condition": [f"team={name}" for name in "abcd"], "share": [None, None, 0.5, 0.25]})
    assert listed(table, "condition", "share", most=2) == "a unknown; b unknown; and 2 more"
