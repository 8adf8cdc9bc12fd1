"""The token counts of a reply, or that they are unknown."""

from typing import Any

from agentlab.types import Usage

_MOST = 2**53


def token_counts(
    input: Any, output: Any, reasoning: Any = None, cache_read: Any = None, cache_write: Any = None
) -> Usage | None:
    """The usage; None unless a server told how long prompt and reply were. What is part of them may be missing."""
    if not (_is_count(input) and _is_count(output)):
        return None
    parts = (part if _is_count(part) else 0 for part in (reasoning, cache_read, cache_write))
    return Usage(input, output, *parts)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST
