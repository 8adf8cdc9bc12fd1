"""Rows of a JSONL or CSV file one at a time, each with its line; what cannot be read is a mistake at its place."""

import csv
import json
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, cast

from agentlab.errors import Mistake, Place, ScenarioError
from agentlab.text import line

Format = Literal["jsonl", "csv"]
Row = tuple[int, Mapping[str, Any] | Mistake]
"""Line, and the row by column or what is wrong with it."""
_NOT_UTF8 = "save the file as UTF-8"
_OTHER_SIGNS = {";": "semicolons", "\t": "tabs"}
"""What some spreadsheets write between values."""


class WrittenFloat(float):
    """A number of a JSON file that remembers how it is written: as text `0.10` stays `0.10`."""

    def __new__(cls, text: str) -> "WrittenFloat":
        number = super().__new__(cls, text)
        number.text = text
        return number

    text: str

    def __str__(self) -> str:
        return self.text


def rows(file: Path, format: Format) -> Iterator[Row]:
    """Every row. Raises `ScenarioError` when the file cannot be opened."""
    try:
        with file.open("rb") as lines:
            yield from _jsonl(file, lines) if format == "jsonl" else _csv(file, lines)
    except OSError as error:
        raise ScenarioError(f"{file}: cannot be read ({error.strerror}); give an existing file") from error


def _jsonl(file: Path, lines: Iterable[bytes]) -> Iterator[Row]:
    for number, raw in enumerate(lines, 1):
        if not raw.strip():
            continue
        try:
            text = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            row: Any = json.loads(text, parse_constant=_no_number, parse_float=WrittenFloat)
        except UnicodeDecodeError as error:
            yield number, _mistake(file, number, error.start + 1, "bytes that are not UTF-8", _NOT_UTF8)
        except json.JSONDecodeError as error:
            yield (
                number,
                _mistake(file, number, error.colno, f"not JSON: {error.msg}", "write one JSON object per line"),
            )
        except (ValueError, RecursionError) as error:
            yield number, _mistake(file, number, 1, f"not JSON: {line(error)}", "write one JSON object per line")
        else:
            if isinstance(row, dict):
                yield number, cast("dict[str, Any]", row)
            else:
                wrong = f"a JSON {type(row).__name__}"
                yield number, _mistake(file, number, 1, wrong, 'write an object, such as {"task": …, "output": …}')


def _csv(file: Path, lines: Iterable[bytes]) -> Iterator[Row]:
    with _long_fields():
        reader = csv.reader(_decoded(lines), strict=True)
        at = 1
        try:
            head = next(reader, None)
            if head is None:
                return
            if len(set(head)) < len(head):
                twice = next(name for name in head if head.count(name) > 1)
                yield 1, _mistake(file, 1, 1, f"two columns are called {twice!r}", "a different name for each column")
                return
            if wrong := _separated(head):
                yield 1, _mistake(file, 1, 1, *wrong)
                return
            at = reader.line_num + 1
            for cells in reader:
                if not cells:
                    pass
                elif len(cells) == len(head):
                    yield at, dict(zip(head, cells, strict=True))
                else:
                    wrong = f"{len(cells)} values under {len(head)} columns"
                    yield at, _mistake(file, at, 1, wrong, "write one for each column; quote values that hold commas")
                at = reader.line_num + 1
        except UnicodeDecodeError as error:
            at = reader.line_num + 1
            yield at, _mistake(file, at, error.start + 1, "bytes that are not UTF-8; reading stopped here", _NOT_UTF8)
        except csv.Error as error:
            right = 'write quotes in pairs, and "" for a quote inside quotes'
            yield at, _mistake(file, at, 1, f"not CSV: {line(error)}; reading stopped here", right)


def _separated(head: Sequence[str]) -> tuple[str, str] | None:
    """What is wrong and what would be right where the values are not separated by commas."""
    sign = next((sign for sign in _OTHER_SIGNS if len(head) == 1 and sign in head[0]), None)
    if sign is None:
        return None
    right = f"save the file with commas between values, not {_OTHER_SIGNS[sign]}"
    return f"the table has one column, {line(head[0], 60)!r}", right


def _decoded(lines: Iterable[bytes]) -> Iterator[str]:
    for number, raw in enumerate(lines):
        yield raw.decode("utf-8" if number else "utf-8-sig")


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


@contextmanager
def _long_fields() -> Generator[None]:
    """The module's limit is 128 KiB a field, less than a long report."""
    old = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(old)


def _mistake(file: Path, number: int, column: int, wrong: str, right: str) -> Mistake:
    return Mistake(Place(str(file), number, column), "", wrong, right)
