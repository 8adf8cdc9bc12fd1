"""Rows become the columns that pandas makes of them one by one, however they are spread over the file."""

import asyncio
import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentlab.runs.frames.select import select
from agentlab.store import Store

texts = st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4)
numbers = st.none() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
whole = st.integers(-(2**53), 2**53)
rows = st.lists(st.tuples(texts, numbers, whole, st.none() | whole), max_size=4)
COLUMNS = ("content", "seconds", "round", "call")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")

    async def opened() -> None:
        Store.open(folder).close()

    asyncio.run(opened())
    return folder


@settings(max_examples=25)
@given(rows=rows)
def test_a_column_is_what_pandas_makes_of_its_values(run: Path, rows: list[tuple[object, ...]]) -> None:
    rows = [row for row in rows for _ in range(250)]  # as many as are read at a time, so that parts differ in type
    listed = json.dumps(rows, ensure_ascii=False).replace("'", "''")
    cells = ", ".join(f"json_extract(value, '$[{i}]')" for i in range(len(COLUMNS)))
    table = select(run, f"SELECT {cells} FROM json_each('{listed}')", COLUMNS)
    assert list(table.columns) == list(COLUMNS)
    for i, name in enumerate(COLUMNS):
        values = [row[i] for row in rows]
        empty = {"content": "str", "seconds": "float64"}.get(name, "int64")
        expected = pd.Series(values, dtype="str" if name == "content" else None if values else empty, name=name)
        pd.testing.assert_series_equal(table[name], expected, rtol=1e-12)
