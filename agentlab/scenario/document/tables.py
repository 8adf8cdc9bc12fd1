"""The rows of Parquet and Arrow files: those of a dataset as the `datasets` library or its hub keep it."""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from agentlab.errors import Mistake, Place
from agentlab.text import line

DATASET = (".parquet", ".arrow")
"""Endings of a dataset's files."""
_BATCH = 1000


def dataset_files(path: Path, root: Path) -> tuple[list[Path], tuple[str, str] | None]:
    """The files of one split, in order, or what is wrong with the folder `path` and what would be right.

    A link may lead to another file of the folder; in a snapshot of the Hugging Face cache, within `root`, also to the
    blobs of its own repository.
    """
    if path.is_file():
        return [path], None
    files = sorted(file for file in path.iterdir() if file.suffix in DATASET)
    splits = sorted({file.stem.split("-")[0] for file in files})
    if len(splits) > 1:
        return [], (f"several splits: {', '.join(splits)}", f"name one file, such as {files[0].name}")
    if not files:
        below = sorted({file.parent.relative_to(path).as_posix() for file in path.rglob("*") if file.suffix in DATASET})
        right = f"name one of its folders: {', '.join(below[:12])}" if below else "name a folder with such files"
        return [], ("no .parquet or .arrow file in this folder", right)
    allowed = [path.resolve(), *_blobs(path.resolve(), root.resolve())]
    if out := [file.name for file in files if not any(map(file.resolve().is_relative_to, allowed))]:
        return [], (f"{out[0]} is a link to a file outside this folder", "copy the file itself into the folder")
    return files, None


def _blobs(path: Path, root: Path) -> Iterator[Path]:
    """Where a snapshot keeps its files, within `root`: REPOSITORY/blobs beside REPOSITORY/snapshots/REVISION."""
    for above in path.parents:
        blobs = above.parent / "blobs"
        if above.name == "snapshots" and blobs.resolve().is_relative_to(root):
            yield blobs


def dataset_rows(files: Sequence[Path]) -> Iterator[tuple[int, Mapping[str, Any] | Mistake]]:
    """Every row with its number in its file, from 1; what cannot be read is a mistake."""
    arrow: Any = importlib.import_module("pyarrow")  # slow, and seldom needed
    for file in files:
        number = 0
        try:
            for batch in _batches(arrow, file):
                for row in batch.to_pylist():
                    number += 1
                    yield number, plain(row)
        except (arrow.ArrowException, OSError) as error:
            reason, place = line(str(error)), Place(str(file), number + 1, 1)
            yield number + 1, Mistake(place, "", f"this file cannot be read: {reason}", "a whole file")


def plain(value: Any) -> Any:
    """As JSON has it: dates and times as ISO 8601 text, decimals as text with all their digits."""
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list):
        return [plain(inner) for inner in cast("list[Any]", value)]
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def _batches(arrow: Any, file: Path) -> Iterator[Any]:
    if file.suffix == ".parquet":
        parquet: Any = importlib.import_module("pyarrow.parquet")
        with parquet.ParquetFile(file) as opened:
            yield from opened.iter_batches(batch_size=_BATCH)
        return
    with arrow.OSFile(str(file)) as source:
        try:
            reader = arrow.ipc.open_stream(source)
        except arrow.ArrowInvalid:  # the other of Arrow's two formats
            source.seek(0)
            arrow_file = arrow.ipc.open_file(source)
            reader = (arrow_file.get_batch(i) for i in range(arrow_file.num_record_batches))
        for batch in reader:
            yield from (batch.slice(start, _BATCH) for start in range(0, batch.num_rows, _BATCH))
