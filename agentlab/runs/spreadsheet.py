"""Text in a cell of a CSV file, so that a spreadsheet shows it and computes nothing, and back.

A text that a spreadsheet would take for a formula gets a single quote before it (OWASP, CSV injection). Characters
that control a terminal, or hide or turn text, are written as `\\x1b`. Both are undone without loss: a text that looks
like that already gets one more quote, or twice the backslashes.
"""

import re
from typing import Any

from agentlab.text import UNSAFE

_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_DIGITS = {"x": 2, "u": 4, "U": 8}
_CODE = r"x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}"
_CONTROL = re.compile(rf"(?<!\\)(\\*+)(?:({UNSAFE.pattern})|(?<=\\)({_CODE}))")
_WRITTEN = re.compile(rf"(?<!\\)(\\++)({_CODE})")


def escape(value: Any) -> Any:
    """`value` as a cell holds it; only text changes, and a text that is a number stays as it is."""
    if not isinstance(value, str):
        return value
    visible = _CONTROL.sub(_visible, value)
    return f"'{visible}" if _FORMULA.match(visible) and not _NUMBER.fullmatch(visible) else visible


def restore(cell: str) -> str:
    """The text that `escape` made this cell of."""
    text = cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
    return _WRITTEN.sub(_original, text)


def _visible(match: re.Match[str]) -> str:
    before, control, code = match.groups()
    if control is None:
        return 2 * before + code
    number = ord(control)
    width = "x" if number < 0x100 else "u" if number < 0x10000 else "U"
    return f"{2 * before}\\{width}{number:0{_DIGITS[width]}x}"


def _original(match: re.Match[str]) -> str:
    before, code = match.groups()
    backslashes = before[: len(before) // 2]
    return backslashes + (chr(int(code[1:], 16)) if len(before) % 2 else code)
