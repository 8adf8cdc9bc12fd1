"""Recognises what looks like a key, so that none is printed, and the names under which one would be given."""

import re
from collections.abc import Mapping
from typing import Any, cast

SIGN = "[key]"
"""What stands in a message for something that looks like a key."""
_SURE = (
    r"(?i:bearer\s+|\bx-api-key['\":=\s]+|\bauthorization['\":=\s]+)\S+"
    r"|(?<![\w-])(?:sk|pk|rk|xai|gsk|hf|ghp|glpat|nvapi|r8|pplx)[-_][\w.*-]{6,}"
    r"|(?<![\w-])(?:AKIA|AIza|eyJ)[\w.-]{12,}"
    r"|(?<=://)[^/@\s]+(?=@)"
)
"""Words after which a key follows, the beginnings that providers give their keys, user and password in an address."""
_KEY = re.compile(_SURE)
_LIKELY = re.compile(rf"{_SURE}|(?<![\w-])(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{{32,}}")
"""Also long words of letters and digits."""
_NAME = re.compile(r"(?i)(?:^|[_-])(?:authorization|api[_-]?key|key|password|passwd|secret|token|cookie|credentials?)$")


def hidden(text: str) -> str:
    """`text` with what looks like a key, or may be one, replaced; the word that announces it stays."""
    return _LIKELY.sub(_sign, text)


def is_secret(text: str) -> bool:
    """Whether there is a key in it, by how it begins or what stands before it."""
    return _KEY.search(text) is not None


def secret_within(value: object) -> bool:
    """Whether a key is anywhere in plain data, or a field for one, such as `Authorization` or `api_key`."""
    if isinstance(value, Mapping):
        items = cast("Mapping[Any, Any]", value).items()
        return any((isinstance(item, str) and _NAME.search(str(name))) or secret_within(item) for name, item in items)
    if isinstance(value, list | tuple):
        return any(map(secret_within, cast("list[Any]", value)))
    return isinstance(value, str) and is_secret(value)


def _sign(match: re.Match[str]) -> str:
    word = re.match(r"(?i)bearer\s+|x-api-key['\":=\s]+|authorization['\":=\s]+", match[0])
    return f"{word[0] if word else ''}{SIGN}"
