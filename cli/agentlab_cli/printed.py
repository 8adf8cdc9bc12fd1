"""What a command prints for programs: one JSON object whose keys are documented, or nothing."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]

_MISSING = ("NAType", "NaTType")
"""What pandas puts where a value is missing, besides NaN."""


def print_json(value: Any) -> None:
    """Prints `value` as JSON: dataclasses as objects, frames as lists of rows; NaN and missing values as null."""
    import msgspec  # which `--help` does not wait for

    text = msgspec.json.encode(value, enc_hook=_plain)
    print(msgspec.json.format(text, indent=2).decode())


def print_result(value: Any, lines: Iterable[object], as_json: bool, quiet: bool) -> None:
    """Prints `value` as JSON, or the lines that tell people the same; with `quiet`, no lines."""
    if as_json:
        print_json(value)
    elif not quiet:
        for line in lines:
            print(line)


def _plain(value: Any) -> Any:
    """What JSON holds in place of a path, or of a value of pandas and numpy."""
    if isinstance(value, Path):
        return str(value)
    if type(value).__name__ in _MISSING:
        return None
    if hasattr(value, "to_dict"):
        return value.to_dict("records")
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "tolist"):
        return value.tolist()
    raise NotImplementedError(f"{type(value).__name__} cannot be written as JSON")
