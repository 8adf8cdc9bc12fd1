"""What may be a mapping, taken for one."""

from typing import Any, cast


def mapping(value: object) -> dict[str, Any]:
    """The value if it is a mapping; else an empty one, whose mistake is reported elsewhere."""
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}
