"""A column of a table as it is shown."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """One column to be shown."""

    heading: str
    cells: tuple[str, ...]
    number: bool
    """Whether its cells are aligned to the right."""
