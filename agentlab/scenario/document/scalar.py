"""Plain scalars by the YAML 1.2 core schema, strictly: what another parser would read differently is refused."""

import math
import re
from typing import Any

_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_STARTS = frozenset("nNtTfFyYoO")
"""Letters with which null, a truth value or one of `_SURPRISES` begins."""
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SURPRISES = (
    (re.compile(r"yes|no|on|off", re.I), "write true or false, or quote it if it is a text"),
    (re.compile(r"[-+]?0[0-9_]+"), "quote it, or write the number without the leading zero (octal is 0o17)"),
    (re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?"), "quote it: some YAML readers read it as base 60"),
    (
        re.compile(r"(?=.*_)[-+]?([0-9][0-9_]*(\.[0-9_]*)?|\.[0-9][0-9_]*)([eE][-+]?[0-9]+)?"),
        "write the number without underscores, or quote it",
    ),
    (re.compile(r"[-+]?0b[01_]+"), "write the number in decimal, or quote it"),
    (re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?"), "quote it: some YAML readers read it as a date"),
    (re.compile(r"[-+]?\.(inf|nan)", re.I), "write a finite number, or quote it"),
    (re.compile(r"="), "quote it"),
)
_DIGITS = 30
"""More digits than any 64-bit number has; `int` refuses thousands with an error of its own."""


def scalar(text: str) -> Any:
    """The value of a plain scalar; raises `ValueError`, saying what would be right, for an ambiguous one."""
    if text[:1].isalpha() and text[0] not in _STARTS:  # most texts, and nearly all keys
        return text
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    for pattern, right in _SURPRISES:
        if pattern.fullmatch(text):
            raise ValueError(right)
    if _INT.fullmatch(text):
        return _integer(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if math.isinf(number):
            raise ValueError("write a finite number, or quote it")
        return number
    return text


def _integer(text: str) -> int:
    if len(text) < _DIGITS:
        number = int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        if -(2**63) <= number < 2**63:
            return number
    raise ValueError("write a number of at most 64 bits, or quote it")
