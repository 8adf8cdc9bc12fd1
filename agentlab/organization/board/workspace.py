"""The files of a team, as its messages made them."""

import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Literal

from agentlab.organization.board.merge import merge
from agentlab.types import Message

LARGEST, MOST, WHOLE = 1_000_000, 400, 8_000_000
"""Characters of a file, files, and characters of all of them."""
_PART = re.compile(r"[\w@+=-][\w .@+=-]{0,99}")


Edited = tuple[Mapping[str, str], Sequence[Message]]
"""The files after a round, and the edits of that round that could not be merged."""


def files(log: Sequence[Message]) -> Mapping[str, str]:
    """The files by path after all of `log`."""
    return _last(log)[0]


def refused(log: Sequence[Message]) -> list[Message]:
    """The edits of the last round of `log` that could not be merged with those of other agents."""
    last = log[-1].round if log else 0
    return [message for message in _last(log)[1] if message.round == last]


def _last(log: Sequence[Message]) -> Edited:
    edited: Edited = ({}, ())
    edits = (message for message in log if message.kind in ("file", "removed"))
    for _, round_ in groupby(edits, key=lambda message: message.round):
        edited = _edited(edited[0], list(round_))
    return edited


def _edited(before: Mapping[str, str], edits: Sequence[Message]) -> Edited:
    """Agents of one round edit what stood there before it; the earlier one in the roster stands where two disagree.

    What one agent does to a file in a round are steps of one edit, of which the last counts.
    """
    last = {(edit.sender, edit.ref): edit for edit in edits}
    after, refused_ = dict(before), list[Message]()
    for (_, path), edit in last.items():
        assert path is not None
        made = _merged(before.get(path), after.get(path), None if edit.kind == "removed" else edit.content)
        if made is False:
            refused_.append(edit)
        elif made is None:
            after.pop(path, None)
        else:
            after[path] = made
    return after, refused_


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


def fault(path: str | None, content: str, existing: Mapping[str, str]) -> str | None:
    """Why a file cannot be written there, in a sentence; None if it can."""
    if not path or not all(_PART.fullmatch(part) for part in path.split("/")) or len(path) > 200:
        return f"{(path or '')[:100]!r} is no path of a file; write one such as src/rank.py"
    if len(content) > LARGEST:
        return f"{path} has {len(content):,} characters; a file may have {LARGEST:,}"
    if path not in existing and len(existing) >= MOST:
        return f"the workspace has {MOST} files, as many as it may have"
    size = sum(map(len, existing.values())) - len(existing.get(path, "")) + len(content)
    return f"the workspace would have {size:,} characters; it may have {WHOLE:,}" if size > WHOLE else None
