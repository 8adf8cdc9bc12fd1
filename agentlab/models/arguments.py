"""Reads the arguments of a tool call, which a model writes as JSON text."""

import json
from typing import Any, cast


def arguments(text: str) -> dict[str, Any]:
    """The JSON object that `text` is; no text is an object without members. Raises ValueError for anything else."""
    try:
        parsed: Any = json.loads(text or "{}", parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the arguments must be a JSON object, and this is no JSON ({error}): {text[:500]}") from None
    if not isinstance(parsed, dict):
        raise ValueError(f"the arguments must be a JSON object, and this is none: {text[:500]}")
    return cast("dict[str, Any]", parsed)


def resendable(text: str) -> str:
    """`text`, or `{}` where it is no JSON object: servers refuse a chat that holds anything else."""
    try:
        arguments(text)
    except ValueError:
        return "{}"
    return text or "{}"


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")
