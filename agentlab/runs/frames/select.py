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
    "criterion outcome label reason purpose kind levels facts measure rater".split()
)
_REAL = ("value", "probability", "budget", "spent", "seconds", "cost", "started")
_CHUNK = 1_000
"""Rows turned into columns at a time: few enough to stay in the processor's cache, which halves the time."""
_arrow: Any = import_module("pyarrow")  # it comes without types


def select(folder: Path, sql: str, columns: Sequence[str]) -> pd.DataFrame:
    """The rows under these names: `_TEXT` as `str`, everything else as numbers."""
    found: dict[str, list[Any]] = {name: [] for name in columns}
    with closing(read(folder)) as connection:
        cursor = connection.execute(sql)
        while rows := cursor.fetchmany(_CHUNK):
            for name, values in zip(columns, zip(*rows, strict=True), strict=True):
                found[name].append(_arrow.array(values, _arrow.large_string()) if name in _TEXT else values)
    return pd.DataFrame({name: _column(name, parts, name in _TEXT) for name, parts in found.items()})


def _column(name: str, parts: list[Any], text: bool) -> pd.Series:
    if text:
        whole = _arrow.chunked_array(parts, _arrow.large_string()).combine_chunks()
        return pd.Series(pd.array(whole, dtype="str"))
    values = [value for part in parts for value in part]
    return pd.Series(values) if values else pd.Series(dtype="float64" if name in _REAL else "int64")
