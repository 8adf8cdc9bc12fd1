"""A table as text of a given width: words wrap between words, numbers never; what does not fit stands below."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap
from unicodedata import east_asian_width

from agentlab.analysis.column import Column

GAP = 2
"""Spaces between columns."""
WORDS = 12
"""Characters to which a column of words may shrink, if no word of it is longer."""


@dataclass(frozen=True, slots=True)
class _Sized:
    """A column with the characters that it takes at most, those of its cells alone, and those that it can do with."""

    column: Column
    most: int
    body: int
    least: int


def fitted(columns: Sequence[Column], width: int | None = None) -> str:
    """The table with a line under its heading; in parts that repeat the first columns where `width` is too little."""
    sized = [_sized(column) for column in columns]
    parts = [sized] if width is None else list(_parts(sized, width - 1))
    return "\n\n".join("\n".join(_lines(part, None if width is None else width - 1)) for part in parts)


def natural(columns: Sequence[Column]) -> int:
    """Characters of a line where nothing wraps."""
    return 1 + sum(_sized(column).most for column in columns) + GAP * (len(columns) - 1)


def _sized(column: Column) -> _Sized:
    body = max(map(_width, column.cells), default=0)
    most = max(body, _width(column.heading))
    narrow = [cell for i, cell in enumerate(column.cells) if i not in column.heads]
    parts = [part for cell in narrow for part in (_halves(cell) if column.number else cell.split())]
    longest = max(map(_width, [*parts, *column.heading.split()]), default=0)
    return _Sized(column, most, body, longest if column.number else min(most, max(longest, WORDS)))


def _halves(cell: str) -> list[str]:
    """A number, with its interval by itself, below which a cell does not break."""
    number, bracket, interval = cell.partition(" [")
    return [number, f"[{interval}"] if bracket else [number]


def _parts(columns: Sequence[_Sized], width: int) -> Iterator[list[_Sized]]:
    """Columns that fit side by side; each part after the first begins with those that say which row it is."""
    keys = list[_Sized]()
    for sized in columns[:-1]:
        if sized.column.number or _least([*keys, sized]) > width // 2:
            break
        keys.append(sized)
    keys = _needed(_telling(keys, columns, width // 2))
    part = list[_Sized]()
    for sized in columns:
        if len(part) > len(keys) and _least([*part, sized]) > width:
            yield part
            part = list(keys)
        part.append(sized)
    yield part


def _needed(keys: list[_Sized]) -> list[_Sized]:
    """The keys without those, the last ones first, that tell no rows apart which the others do not."""
    needed, told = list(keys), _distinct(keys)
    for sized in reversed(keys):
        rest = [key for key in needed if key is not sized]
        if rest and not sized.column.heads and _distinct(rest) == told:
            needed = rest
    return needed


def _distinct(keys: Sequence[_Sized]) -> int:
    """Rows that these columns tell apart."""
    return len(set(zip(*(sized.column.cells for sized in keys), strict=True)))


def _telling(keys: list[_Sized], columns: Sequence[_Sized], room: int) -> list[_Sized]:
    """The keys with the whole numbers that follow them, such as a generation, where only these tell the rows apart."""
    extended = list(keys)
    while _distinct(extended) < len(columns[0].column.cells):
        more = columns[len(extended)]
        whole = all(cell.isdigit() or not cell for cell in more.column.cells)
        if not whole or len(extended) + 2 > len(columns) or _least([*extended, more]) > room:
            return keys
        extended.append(more)
    return extended


def _least(columns: Sequence[_Sized]) -> int:
    return sum(sized.least for sized in columns) + GAP * (len(columns) - 1)


def _lines(columns: Sequence[_Sized], width: int | None) -> Iterator[str]:
    widths = _widths(columns, width)
    heads = [
        wrap(sized.column.heading, column_width, break_long_words=False, break_on_hyphens=False) or [""]
        for sized, column_width in zip(columns, widths, strict=True)
    ]
    yield from _row(columns, widths, heads)
    yield " " + "─" * (sum(widths) + GAP * (len(widths) - 1))
    for i, cells in enumerate(zip(*(sized.column.cells for sized in columns), strict=True)):
        if i in columns[0].column.heads:
            yield from (f" {part}" for part in (wrap(cells[0], width, break_long_words=False) if width else cells[:1]))
            continue
        wrapped = [
            _wrapped(sized, cell, column_width)
            for sized, cell, column_width in zip(columns, cells, widths, strict=True)
        ]
        yield from _row(columns, widths, wrapped)


def _wrapped(sized: _Sized, cell: str, width: int) -> list[str]:
    if sized.column.number:
        return [cell] if _width(cell) <= width else _halves(cell)
    return wrap(cell, width, break_long_words=False, break_on_hyphens=False) or [""]


def _widths(columns: Sequence[_Sized], width: int | None) -> list[int]:
    """As wide as the cells; where that is too wide, headings of numbers give first, then words, then intervals."""
    widths = [sized.most for sized in columns]
    room = None if width is None else width - GAP * (len(columns) - 1)
    while room is not None and sum(widths) > room:
        at = max(
            range(len(widths)),
            key=lambda i: (widths[i] > columns[i].least, *_gives(columns[i], widths[i]), widths[i]),
        )
        if widths[at] == columns[at].least:
            break
        widths[at] -= 1
    return widths


def _gives(sized: _Sized, width: int) -> tuple[bool, bool]:
    """How readily a column of this width becomes narrower."""
    return sized.column.number and width > sized.body, not sized.column.number


def _row(columns: Sequence[_Sized], widths: Sequence[int], cells: Sequence[Sequence[str]]) -> Iterator[str]:
    for i in range(max(map(len, cells))):
        parts = [
            _padded(lines[i] if i < len(lines) else "", column_width, sized.column.number)
            for sized, column_width, lines in zip(columns, widths, cells, strict=True)
        ]
        yield (" " + (" " * GAP).join(parts)).rstrip()


def _padded(text: str, width: int, right: bool) -> str:
    space = " " * (width - _width(text))
    return space + text if right else text + space


def _width(text: str) -> int:
    return sum(2 if east_asian_width(sign) in "WF" else 1 for sign in text)
