"""CSV files: a spreadsheet computes nothing of what a model wrote, and nothing is lost on the way back."""

import csv
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agentlab.runs.csv_table import write_csv
from agentlab.runs.spreadsheet import escape, restore
from agentlab.text import UNSAFE

TEXTS = st.text(max_size=30) | st.text(alphabet="'=+-@\t\r\n\\xuU0159abf\x1b\x00\u202e\ud800 ", max_size=14)


@given(TEXTS)
@example("\\\x1b")
@example("\\x1b")
@example("''=1")
def test_a_cell_is_harmless_and_gives_its_text_back(text: str) -> None:
    cell = escape(text)
    assert restore(cell) == text
    assert not UNSAFE.search(cell)
    assert cell[:1] not in tuple("=+-@\t\r\n") or float(cell) is not None


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("@all", "'@all"),
        ("-4", "-4"),
        ("+1.5e3", "+1.5e3"),
        ("-4 apples", "'-4 apples"),
        ("it's 'so'", "it's 'so'"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("C:\\data", "C:\\data"),
        (3, 3),
    ],
)
def test_only_what_needs_it_is_changed(text: object, cell: object) -> None:
    assert escape(text) == cell


def test_long_runs_of_backslashes_take_no_time() -> None:
    text = "\\" * 300_000
    assert restore(escape(text)) == text


def test_numbers_of_a_table_stay_numbers(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {"=name": pd.Categorical(["@a", "b"]), "x": [-1.5, None], "n": pd.array([-1, None], dtype="Int64")}
    )
    write_csv(table, tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["'=name", "x", "n"], ["'@a", "-1.5", "-1"], ["b", "", ""]]
    assert list(table.columns) == ["=name", "x", "n"]
