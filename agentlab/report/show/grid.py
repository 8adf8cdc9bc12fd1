"""Plain columns of text."""

from collections.abc import Sequence
from unicodedata import east_asian_width

from agentlab.text import line

WIDEST = 40
"""Characters of a cell; longer ones are cut."""


def grid(head: Sequence[str], rows: Sequence[Sequence[object]], right: Sequence[str] = ()) -> str:
    """Columns under a heading; those named in `right` are set to the right. Cells are sanitized."""
    cells = [[line(cell, WIDEST) for cell in row] for row in (head, *rows)]
    widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    lines: list[str] = []
    for row in cells:
        parts = [
            " " * (width - _width(cell)) + cell if name in right else cell + " " * (width - _width(cell))
            for name, cell, width in zip(head, row, widths, strict=True)
        ]
        lines.append("  ".join(parts).rstrip())
    return "\n".join(lines)


def _width(cell: str) -> int:
    return sum(2 if east_asian_width(sign) in "WF" else 1 for sign in cell)
