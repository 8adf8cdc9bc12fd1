"""Rows of a run's file as a pandas frame, every column with the dtype it always has, also where it is empty."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agentlab.store import read

_TEXT = frozenset(
    "rollout task condition parent at of status output output_via error sender to kind content ref actor agent model "
    "served_model request_id stop text reasoning notice tool_calls tool_results logprobs settings prompt_hash judge "
    "criterion outcome label reason purpose kind levels facts measure rater particle ancestor recipe digest "
    "metrics".split()
)
_REAL = frozenset("value probability budget spent seconds cost started log_weight weight ess log_evidence".split())
_CHUNK = 500
"""Rows turned into columns at a time: few enough to stay in the processor's cache, which halves the time."""
_arrow: Any = import_module("pyarrow")  # it comes without types


def select(folder: Path, sql: str, columns: Sequence[str]) -> pd.DataFrame:
    """The rows under these names: `_TEXT` as `str`, everything else as numbers."""
    with closing(read(folder)) as connection:
        return fetch(connection, sql, columns)


def fetch(connection: sqlite3.Connection, sql: str, columns: Sequence[str]) -> pd.DataFrame:
    """The same, on a connection."""
    types = [_arrow.large_string() if name in _TEXT else None for name in columns]
    chunks: list[list[Any]] = [[] for _ in columns]
    cursor = connection.execute(sql)
    while rows := cursor.fetchmany(_CHUNK):
        for parts, type, values in zip(chunks, types, zip(*rows, strict=True), strict=True):
            parts.append(_arrow.array(values, type))
    return pd.DataFrame({name: _column(name, parts) for name, parts in zip(columns, chunks, strict=True)})


def typed(connection: sqlite3.Connection, sql: str, types: Mapping[str, str]) -> dict[str, Any]:
    """The columns of a query whose types are known, `int64`, `float64` or `str`: faster than `fetch`.

    Numbers are arrays, where a missing `float64` is NaN and no `int64` may be missing; texts are series. Raises
    `sqlite3.DatabaseError` where something else is found.
    """
    parts: list[list[Any]] = [[_READERS[type](())] for type in types.values()]
    readers = [(column.append, _READERS[type]) for column, type in zip(parts, types.values(), strict=True)]
    cursor = connection.execute(sql)
    while rows := cursor.fetchmany(_CHUNK):
        try:
            for (append, read_values), values in zip(readers, zip(*rows, strict=True), strict=True):
                append(read_values(values))
        except (TypeError, ValueError, OverflowError) as error:
            raise sqlite3.DatabaseError(f"a value is damaged: {error}") from error
    return {name: _joined(column) for name, column in zip(types, parts, strict=True)}


def _integers(values: Sequence[Any]) -> NDArray[np.int64]:
    return np.fromiter(values, "int64", len(values))


def _reals(values: Sequence[Any]) -> NDArray[np.float64]:
    return np.array(values, "float64")


def _texts(values: Sequence[Any]) -> Any:
    return _arrow.array(values, _arrow.large_string())


_READERS: Mapping[str, Callable[[Sequence[Any]], Any]] = {"int64": _integers, "float64": _reals, "str": _texts}


def _joined(parts: list[Any]) -> Any:
    return np.concatenate(parts) if isinstance(parts[0], np.ndarray) else _text_series(parts)


def _column(name: str, parts: list[Any]) -> pd.Series:
    if name in _TEXT:
        return _text_series(parts)
    if not parts:
        return pd.Series(dtype="float64" if name in _REAL else "int64")
    types = {part.type for part in parts}
    for number in (_arrow.float64(), _arrow.int64()):
        if number in types and types <= {number, _arrow.int64(), _arrow.null()}:
            return pd.Series(_arrow.chunked_array([part.cast(number, safe=False) for part in parts]).to_numpy())
    return pd.Series([value for part in parts for value in part.to_pylist()])


def _text_series(parts: list[Any]) -> pd.Series:
    return pd.Series(pd.array(_arrow.chunked_array(parts, _arrow.large_string()).combine_chunks(), dtype="str"))
