"""When the outcomes of a run were looked at: one line per look. Readers add lines even while the run is in progress."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from agentlab.errors import StoreError

FILE = "looks.jsonl"


def looks(folder: Path, copy: Sequence[Mapping[str, Any]] = ()) -> list[dict[str, Any]]:
    """The looks so far, oldest first: `at` (UTC), `rollouts` and `finished` (rollouts of each condition).

    If their file is missing, these are the `copy` in the run's own file. Raises `StoreError` for a line that cannot be
    read.
    """
    try:
        lines = (folder / FILE).read_bytes().splitlines()
    except FileNotFoundError:
        return [dict(look) for look in copy]
    except OSError as error:
        raise StoreError(f"{folder / FILE}: cannot be read ({error.strerror})") from error
    try:
        return [msgspec.json.decode(line, type=dict[str, Any]) for line in lines]
    except msgspec.DecodeError as error:
        raise StoreError(f"{folder / FILE}: a line is not a record of a look ({error}); remove it") from error


def look(folder: Path, finished: Mapping[str, int], copy: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any] | None:
    """Records a look, with the number of finished rollouts by condition; None if nothing is new since the last look.

    A reader may record a look while another process writes the run. Raises `StoreError` where it cannot be written.
    """
    rollouts, before = sum(finished.values()), looks(folder, copy)
    if before and before[-1]["rollouts"] == rollouts:
        return None
    new = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "rollouts": rollouts, "finished": dict(finished)}
    try:
        with (folder / FILE).open("ab") as file:
            lines = [new] if file.tell() else [*before, new]
            file.write(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    except OSError as error:
        raise StoreError(f"{folder / FILE}: this look cannot be recorded ({error.strerror})") from error
    return new


def forget(folder: Path) -> None:
    """Deletes the file of looks, once the run's own file has them."""
    (folder / FILE).unlink(missing_ok=True)
