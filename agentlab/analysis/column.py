"""A column of a table as it is shown."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """One column to be shown."""

    heading: str
    cells: tuple[str, ...]
    number: bool
    """Whether its cells are aligned to the right."""
    heads: frozenset[int] = frozenset()
    """Of the first column: the rows that name a group, each of which has a line of its own."""
