"""Columns of a run's file are what was written, wherever values are missing, at one moment, or an error says where."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentlab.errors import StoreError
from agentlab.runs.frames.snapshot import reading
from agentlab.store import DATABASE, Store

MANY = 70_000
"""More rows than the driver reads at a time."""
VALUES: dict[str, Any] = {
    "int64": st.integers(-(2**63), 2**63 - 1),
    "Int64": st.none() | st.integers(0, 2**63 - 1),
    "float64": st.none() | st.floats(allow_nan=False, allow_infinity=False),
    "str": st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
    "bytes": st.binary(max_size=4),
}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return opened(tmp_path)


def opened(folder: Path) -> Path:
    """A run without rows, with a table `cells`."""

    async def opening() -> None:
        Store.open(folder).close()

    asyncio.run(opening())
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        connection.execute("CREATE TABLE cells (a, b, c, d, e)")
    return folder


def write(run: Path, rows: list[tuple[Any, ...]]) -> None:
    with closing(sqlite3.connect(run / DATABASE)) as connection:
        connection.execute("DELETE FROM cells")
        connection.executemany("INSERT INTO cells VALUES (?, ?, ?, ?, ?)", rows)
        connection.commit()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return opened(tmp_path_factory.mktemp("run"))


@settings(max_examples=50)
@given(rows=st.lists(st.tuples(*VALUES.values()), max_size=5))
def test_columns_hold_what_was_written(shared: Path, rows: list[tuple[Any, ...]]) -> None:
    write(shared, rows)
    with reading(shared) as snapshot:
        read = snapshot.columns(dict(zip("abcde", VALUES, strict=True)), "FROM cells ORDER BY rowid")
    a, b, c, d, e = (list(column) for column in (zip(*rows, strict=True) if rows else [()] * 5))
    assert read["a"].dtype == "int64"
    assert read["a"].tolist() == a
    assert read["b"].dtype == "Int64"
    assert [None if value is pd.NA else value for value in read["b"]] == b
    assert read["c"].dtype == "float64"
    assert np.array_equal(read["c"], np.array(c, "float64"), equal_nan=True)
    assert read["d"].dtype == "str"
    assert [None if value is np.nan else value for value in read["d"].astype("object")] == d
    assert read["e"] == e


def test_a_column_whose_first_value_comes_late_is_read_like_any_other(run: Path) -> None:
    write(run, [*[(0, None, None, None, b"")] * MANY, (1, 5, 0.5, "late", b"")])
    with reading(run) as snapshot:
        read = snapshot.columns({"a": "int64", "b": "Int64", "c": "float64", "d": "str"}, "FROM cells ORDER BY rowid")
    assert [read[name][MANY] for name in "abcd"] == [1, 5, 0.5, "late"]
    assert [sum(pd.Series(read[name]).isna()) for name in "abcd"] == [0, MANY, MANY, MANY]


@pytest.mark.parametrize("before", [0, MANY])
@pytest.mark.parametrize(
    ("dtype", "value"),
    [("int64", None), ("int64", "x"), ("Int64", 0.5), ("float64", "x"), ("str", b"\xff"), ("bytes", None)],
)
def test_a_value_of_another_type_is_damage(run: Path, dtype: str, value: object, before: int) -> None:
    right = {"int64": 1, "Int64": 1, "float64": 0.5, "str": "x", "bytes": b"x"}[dtype]
    write(run, [*[(right, *[None] * 4)] * before, (value, *[None] * 4)])
    with pytest.raises(StoreError, match="the file is damaged"), reading(run) as snapshot:
        snapshot.columns({"a": dtype}, "FROM cells ORDER BY rowid")


def test_what_is_written_meanwhile_is_not_seen(run: Path) -> None:
    with closing(sqlite3.connect(run / DATABASE, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("INSERT INTO cells (a) VALUES (1)")
        with reading(run) as snapshot:
            before = snapshot.columns({"a": "int64"}, "FROM cells")
            writer.execute("INSERT INTO cells (a) VALUES (2)")
            after = snapshot.columns({"a": "int64"}, "FROM cells")
        with reading(run) as snapshot:
            later = snapshot.columns({"a": "int64"}, "FROM cells")
    assert [read["a"].tolist() for read in (before, after, later)] == [[1], [1], [1, 2]]
