"""The files of a team, as its messages made them."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, cast

from agentlab.organization.board.merge import merge
from agentlab.types import TASK, WORKSPACE, Act, Message, Task

LARGEST, MOST, WHOLE = 1_000_000, 400, 8_000_000
"""Characters of a file, files, and characters of all of them."""
_PART = re.compile(r"[\w@+=-][\w .@+=-]{0,99}")


@dataclass(frozen=True, slots=True)
class Settled:
    """What several agents made of one file in one round."""

    path: str
    text: str | None
    """None where there is no file any more."""
    refused: tuple[Message, ...]
    """Edits that could not be merged with those of agents before them in the roster."""
    written: bool
    """Whether the log without it says the same."""


def files(changes: Iterable[Message | Act], before: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """The files by path after messages of a log, or acts of tools, changed what was there `before`."""
    contents = dict(before)
    for change in changes:
        if change.kind == "file" and change.ref is not None:
            contents[change.ref] = change.content
        elif change.kind == "removed" and change.ref is not None:
            contents.pop(change.ref, None)
    return contents


def given(task: Task) -> Iterator[Message]:
    """The files that a task begins with."""
    for path, text in cast(Mapping[str, str], task.fields.get("files", {})).items():
        yield Message(TASK, (WORKSPACE,), "file", text, path)


def settled(log: Sequence[Message], round: int) -> Iterator[Settled]:
    """The files that several agents changed in `round`, whose messages end `log`.

    All of them edit what stood there before the round. What one agent does to a file in a round are steps of one edit,
    of which the last counts.
    """
    edits = [message for message in log if message.round == round and message.kind in ("file", "removed")]
    before = files(message for message in log if message.round < round)
    by_path: dict[str, dict[str, Message]] = {}
    for edit in edits:
        by_path.setdefault(edit.ref or "", {})[edit.sender] = edit
    for path, last in by_path.items():
        if len(last) > 1:
            yield _settled(path, before.get(path), [edit for edit in edits if edit in last.values()])


def _settled(path: str, before: str | None, edits: Sequence[Message]) -> Settled:
    now, refused, theirs = before, list[Message](), before
    for edit in edits:
        theirs = None if edit.kind == "removed" else edit.content
        made = _merged(before, now, theirs)
        if made is False:
            refused.append(edit)
        else:
            now = made
    return Settled(path, now, tuple(refused), now == theirs)


def _merged(before: str | None, now: str | None, theirs: str | None) -> str | Literal[False] | None:
    """The file after an edit, None for none; False where it cannot be merged with what others made of it."""
    if now in (before, theirs):
        return theirs
    if theirs == before:
        return now
    if before is None or now is None or theirs is None:
        return False
    merged = merge(before, now, theirs)
    return False if merged is None else merged


def clash(path: str, existing: Iterable[str]) -> str | None:
    """A file that cannot be beside one at `path`, because one of them would have to be a folder."""
    return next((o for o in existing if o.startswith(f"{path}/") or path.startswith(f"{o}/")), None)


def within(path: str, folders: Iterable[str]) -> bool:
    """Whether a file is one of these files, or lies in one of these folders."""
    return any(path == part or path.startswith(f"{part}/") for part in folders)


def _named(part: str) -> bool:
    """Whether a file or folder can have this name on a disk."""
    return _PART.fullmatch(part) is not None and len(part.encode()) <= 255


def fault(path: str | None, content: str, existing: Mapping[str, str]) -> str | None:
    """Why a file cannot be written there, in a sentence; None if it can."""
    if not path or not all(map(_named, path.split("/"))) or len(path) > 200:
        return f"{(path or '')[:100]!r} is no path of a file; write one such as src/rank.py"
    if other := clash(path, existing):
        return f"{path} and {other} cannot both be files: one would be a folder of the other"
    if len(content) > LARGEST:
        return f"{path} has {len(content):,} characters; a file may have {LARGEST:,}"
    if path not in existing and len(existing) >= MOST:
        return f"the workspace has {MOST} files, as many as it may have"
    size = sum(map(len, existing.values())) - len(existing.get(path, "")) + len(content)
    return f"the workspace would have {size:,} characters; it may have {WHOLE:,}" if size > WHOLE else None
