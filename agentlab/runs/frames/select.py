"""Rows of a run's file as a pandas frame, every column with the dtype it always has, also where it is empty."""

from collections.abc import Sequence
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

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
    types = [_arrow.large_string() if name in _TEXT else None for name in columns]
    chunks: list[list[Any]] = [[] for _ in columns]
    with closing(read(folder)) as connection:
        cursor = connection.execute(sql)
        while rows := cursor.fetchmany(_CHUNK):
            for parts, type, values in zip(chunks, types, zip(*rows, strict=True), strict=True):
                parts.append(_arrow.array(values, type))
    return pd.DataFrame({name: _column(name, parts) for name, parts in zip(columns, chunks, strict=True)})


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
