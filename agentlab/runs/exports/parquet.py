"""The frames of a run as Parquet files."""

import os
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd

from agentlab.columns import FRAMES
from agentlab.errors import StoreError
from agentlab.runs.frames import Run

_LISTS = ("to", "dropped_by", "agents", "after", "carries", "planted", "caught", "not_planted")
"""Columns of tuples."""
pa: Any = import_module("pyarrow")  # it comes without types
pq: Any = import_module("pyarrow.parquet")


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """One file; `size` in bytes."""

    path: Path
    rows: int
    size: int


def parquet(folder: Path, out: Path | None = None) -> list[WrittenFile]:
    """Writes every frame of the run to `out`/FRAME.parquet, by default into `parquet/` of the run folder.

    Columns are those of the frames; tuples become lists. The `facts` of conditions and the variables of programs that
    are not numbers become JSON text. Each file is there whole
    or not at all. Raises `StoreError` when the run cannot be read or the folder not written.
    """
    run, out = Run(folder), out or folder / "parquet"
    try:
        out.mkdir(parents=True, exist_ok=True)
        return [_write(_plain(getattr(run, name), name), out / f"{name}.parquet") for name in FRAMES]
    except OSError as error:
        raise StoreError(f"{out}: cannot write Parquet files ({error}); choose another folder with --out") from error


def _plain(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """Values of any kind as JSON text; a missing one stays missing."""
    mixed = [at for at in frame if frame[at].dtype == object] if name == "variables" else []
    texts: dict[str, Any] = {
        str(at): [None if value is None else msgspec.json.encode(value).decode() for value in frame[at]] for at in mixed
    }
    return frame.assign(**texts)


def _write(frame: pd.DataFrame, path: Path) -> WrittenFile:
    table, beside = _table(frame), path.with_name(f".{path.name}.{os.getpid()}")
    try:
        pq.write_table(table, beside, compression="zstd")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return WrittenFile(path, table.num_rows, path.stat().st_size)


def _table(frame: pd.DataFrame) -> Any:
    """With a type for every column, so that files of several runs fit together."""
    if "facts" in frame:
        frame = frame.assign(facts=[msgspec.json.encode(facts).decode() for facts in frame["facts"]])
    table = pa.Table.from_pandas(frame, preserve_index=False)
    for i, field in enumerate(table.schema):
        if field.name in _LISTS and frame[field.name].dtype == object:
            table = table.set_column(i, field.name, pa.array(frame[field.name].tolist(), pa.list_(pa.string())))
        elif pa.types.is_null(field.type):
            table = table.set_column(i, field.name, pa.nulls(len(frame), pa.string()))
    return table
