"""One analysis of a run, ready to be printed, drawn or written as CSV.

How its tables are read: the columns that say which row it is come first. An interval of column X is `X_low`, `X_high`,
shown as one cell `0.123 [0.100, 0.146]`; bare `low`, `high` belong to the column right before them; an interval without
a column of its name stands by itself. A column that is missing in every row is not shown, and a note says why.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from agentlab.analysis.cells import columns
from agentlab.runs.csv_table import write_csv


@dataclass(frozen=True, slots=True)
class Analysis:
    """What an analysis found. A missing number is NaN or None, and a note says why."""

    name: str
    """The name of its tables' files, such as `decomposition`."""
    title: str
    says: str
    """One sentence: what it shows, with its n."""
    tables: Mapping[str, pd.DataFrame]
    """By name; a terminal shows the first `shown` of them."""
    notes: tuple[str, ...] = ()
    """What it rests on, what is missing and why."""
    shown: int = 1
    result: Callable[[Mapping[str, pd.DataFrame]], str] | None = None
    """Its result in one line, from its tables as they may be shown; `says` stands in where there is none."""
    groups: tuple[str, ...] = ()
    """Columns of the first table by which a terminal groups its rows, each group under a line of its own."""
    legend: Mapping[str, str] = field(default_factory=dict[str, str])
    """What columns mean, by their names; each is told where its column is shown."""
    sentences: tuple[str, ...] = ()
    """`says` in parts, where the first lines of a run may print some of them."""

    @property
    def headline(self) -> str:
        """Its result in one line."""
        return (self.result(self.tables) if self.result else "") or self.says

    def explained(self, tables: Iterable[pd.DataFrame]) -> Iterator[str]:
        """What the columns mean that these tables show."""
        shown = {column.heading for table in tables for column in columns(table)}
        for name, meaning in self.legend.items():
            if name.replace("_", " ") in shown:
                yield f"{name.replace('_', ' ')}: {meaning}"

    def __repr__(self) -> str:
        """What a terminal shows, so that a notebook does, too."""
        shown = list(self.tables.values())[: self.shown]
        parts = [self.title, *map(_text, shown), self.says]
        return "\n".join([*parts, *(f"  {note}" for note in (*self.explained(shown), *self.notes))])

    def write(self, folder: Path) -> list[Path]:
        """Its tables as CSV: NAME.csv for the first, NAME_TABLE.csv for the others. Makes the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        written: list[Path] = []
        for i, (name, table) in enumerate(self.tables.items()):
            path = folder / (f"{self.name}_{name}.csv" if i else f"{self.name}.csv")
            write_csv(table, path)
            written.append(path)
        return written


def _text(table: pd.DataFrame) -> str:
    return pd.DataFrame({column.heading: column.cells for column in columns(table)}).to_string(index=False)
