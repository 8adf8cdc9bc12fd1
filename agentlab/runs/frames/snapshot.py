"""A run's file at one moment, read into columns without a Python object for each value."""

import sqlite3
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from agentlab.store import DATABASE, read
from agentlab.store.reading import damaged, location

_SQL: Mapping[str, str] = {
    "int64": "{0}",
    "Int64": "ifnull({0}, -1)",
    "float64": "ifnull({0}, 9e999)",
    "str": "CASE WHEN {0} IS NULL THEN '' ELSE '!' || {0} END",
    "bytes": "{0}",
}
"""What is read of a column, by its dtype. It is never NULL: the driver tells the type of a column by its first rows."""
_ROWS, _LONG = 1 << 16, 8
"""Rows that the driver reads at a time; and with bytes, of which a row may have 128 MB, since it takes 2 GB at most."""
_arrow: Any = import_module("pyarrow")  # it comes without types
_compute: Any = import_module("pyarrow.compute")
_driver: Any = import_module("adbc_driver_manager")  # its `dbapi` would import all that Arrow reads files with
_sqlite: Any = import_module("adbc_driver_sqlite")
POOL = _arrow.system_memory_pool()
"""Where columns are made: Arrow's own pool takes memory in large pages, which a virtual machine clears slowly."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A connection that sees the file as it was at its first query."""

    _connection: Any

    def columns(self, types: Mapping[str, str], rest: str, **sql: str) -> dict[str, Any]:
        """The columns of `SELECT … rest`, by their names.

        Dtypes are `int64`, `Int64` of numbers that are not negative, `float64` with NaN for a missing number, `str`,
        and `bytes`, which gives a list.

        `sql` says what to select where that is not the column of this name. Raises `sqlite3.DatabaseError` where a
        value is of another type.
        """
        selected = ", ".join(_SQL[dtype].format(sql.get(name, name)) for name, dtype in types.items())
        with _driver.AdbcStatement(self._connection) as statement:
            rows = _LONG if "bytes" in types.values() else _ROWS
            statement.set_options(**{"adbc.sqlite.query.batch_rows": str(rows)})
            statement.set_sql_query(f"SELECT {selected} {rest}")
            stream, _ = statement.execute_query()
            try:
                table = _arrow.RecordBatchReader.from_stream(stream).read_all()
            except OSError as error:  # what the driver finds after the first rows
                raise sqlite3.DatabaseError(str(error)) from error
        return {
            name: _column(name, column, dtype)
            for (name, dtype), column in zip(types.items(), table.columns, strict=True)
        }

    def table(self, types: Mapping[str, str], rest: str, **sql: str) -> pd.DataFrame:
        """The same as a frame."""
        return pd.DataFrame(self.columns(types, rest, **sql))


@contextmanager
def reading(folder: Path) -> Generator[Snapshot]:
    """The run's file, as it is now. Raises what `read` raises, and `StoreError` for a damaged file."""
    read(folder).close()
    errors = (_driver.Error, _arrow.ArrowException, sqlite3.Error, pd.errors.OutOfBoundsDatetime, UnicodeDecodeError)
    try:
        with _sqlite.connect(location(folder / DATABASE)) as database, _driver.AdbcConnection(database) as connection:
            connection.set_autocommit(False)  # so that all queries see one state
            yield Snapshot(connection)
    except errors as error:
        raise damaged(folder, error) from error


def _column(name: str, column: Any, dtype: str) -> Any:
    type, read_values = _READERS[dtype]
    if not len(column):  # the driver cannot tell its type
        return read_values(_arrow.array([], type))
    if column.type != type or column.null_count:
        raise sqlite3.DatabaseError(f"a value of {name} is damaged")
    return read_values(column.combine_chunks(memory_pool=POOL))


def _numbers(values: Any) -> Any:
    return values.to_numpy()


def _counts(values: Any) -> Any:
    numbers = values.to_numpy()
    return pd.arrays.IntegerArray(numbers, numbers < 0)


def _reals(values: Any) -> Any:
    numbers = values.to_numpy()
    return np.where(np.isinf(numbers), np.nan, numbers)


def _texts(values: Any) -> pd.Series:
    values.validate(full=True)
    texts = _compute.utf8_slice_codeunits(values, 1, memory_pool=POOL)
    known = _compute.if_else(_compute.equal(values, ""), None, texts, memory_pool=POOL)
    return pd.Series(pd.array(known.cast(_arrow.large_string(), memory_pool=POOL), dtype="str"))


def _bytes(values: Any) -> list[bytes]:
    return values.to_pylist()


_READERS: Mapping[str, tuple[Any, Callable[[Any], Any]]] = {
    "int64": (_arrow.int64(), _numbers),
    "Int64": (_arrow.int64(), _counts),
    "float64": (_arrow.float64(), _reals),
    "str": (_arrow.string(), _texts),
    "bytes": (_arrow.binary(), _bytes),
}
"""By dtype: the type of what was read, and what makes the column of it."""
