"""The token counts of a reply, or that they are unknown."""

from typing import Any

from agentlab.types import Usage

_MOST = 2**53


def token_counts(
    input: Any, output: Any, reasoning: Any = None, cache_read: Any = None, cache_write: Any = None
) -> Usage | None:
    """The usage; None unless a server told how long prompt and reply were. What is part of them may be missing."""
    sent, written = _count(input), _count(output)
    if sent is None or written is None:
        return None
    parts = (_count(part) or 0 for part in (reasoning, cache_read, cache_write))
    return Usage(sent, written, *parts)


def _count(value: Any) -> int | None:
    """The count, which some servers write as a text or as a number with a point; None where it is none."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < len(str(_MOST)):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST else None
