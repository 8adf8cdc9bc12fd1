"""Plain columns of text."""

from collections.abc import Sequence
from unicodedata import east_asian_width

from agentlab.analysis.column import Column
from agentlab.analysis.fitted import fitted
from agentlab.text import line

WIDEST = 40
"""Characters of a cell; longer ones are cut."""


def grid(
    head: Sequence[str], rows: Sequence[Sequence[object]], right: Sequence[str] = (), width: int | None = None
) -> str:
    """Columns under a heading; those named in `right` are set to the right. Cells are sanitized.

    Columns that do not fit into so many characters stand below each other.
    """
    cells = [[line(cell, WIDEST) for cell in row] for row in (head, *rows)]
    widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    if width is not None and sum(widths) + 2 * (len(widths) - 1) > width:
        columns = zip(head, zip(*cells, strict=True), strict=True)
        return fitted([Column(name, column[1:], name in right) for name, column in columns], width)
    lines: list[str] = []
    for row in cells:
        parts = [
            " " * (most - _width(cell)) + cell if name in right else cell + " " * (most - _width(cell))
            for name, cell, most in zip(head, row, widths, strict=True)
        ]
        lines.append("  ".join(parts).rstrip())
    return "\n".join(lines)


def _width(cell: str) -> int:
    return sum(2 if east_asian_width(sign) in "WF" else 1 for sign in cell)
