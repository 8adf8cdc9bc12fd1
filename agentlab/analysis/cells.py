"""A table as text: every interval in the cell of its estimate, numbers as a reader wants them."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd

from agentlab.analysis.column import Column
from agentlab.text import enumerate_some, line

WIDEST = 80
"""Characters of a cell."""
UNITS = {"cost": "cost (USD)"}
"""Headings that say in what their numbers are."""
ROUNDING = 1e-15
"""Under it a number is what rounding leaves of 0."""


def columns(table: pd.DataFrame, widest: int = WIDEST) -> list[Column]:
    """The columns to show, by the convention of `agentlab.analysis.analysis`; one missing in every row is left out."""
    names = [str(name) for name in table.columns]
    shown: list[Column] = []
    for name, ends in _paired(names):
        data = [table[column].tolist() for column in (name, *ends) if column is not None]
        if not any(_is_present(value) and value != "" for values in data for value in values):
            continue
        estimates = data.pop(0) if name is not None else [None] * len(table)
        intervals = list(zip(*data, strict=True)) if ends else [()] * len(table)
        heading = name or str(ends[0]).removesuffix("_low")
        cells = [_cell(heading, *row, widest) for row in zip(estimates, intervals, strict=True)]
        shown.append(
            Column(
                line(UNITS.get(heading, heading.replace("_", " ")), widest),
                tuple(cells),
                _numeric(estimates) or bool(ends),
            )
        )
    return shown


def grouped(table: pd.DataFrame, by: Sequence[str], widest: int = WIDEST) -> list[Column]:
    """The columns to show, with those of `by` as a line above each group: `utility (primary)`."""
    shown, names = columns(table.drop(columns=[*by]), widest), table[[*by]].astype("str").to_numpy().tolist()
    starts = [i for i, name in enumerate(names) if i == 0 or name != names[i - 1]]
    heads = frozenset(start + 2 * group for group, start in enumerate(starts))  # each with an empty row before it
    under = [tuple(_under(column.cells, names, starts, first=at == 0)) for at, column in enumerate(shown)]
    return [
        replace(column, cells=cells, heads=frozenset() if at else heads)
        for at, (column, cells) in enumerate(zip(shown, under, strict=True))
    ]


def _under(cells: Sequence[str], names: Sequence[Sequence[str]], starts: Sequence[int], first: bool) -> Iterator[str]:
    """One column's cells with a line before each group, which names it in the first column, and one between groups."""
    for i, cell in enumerate(cells):
        if i in starts:
            head, *rest = names[i]
            yield from [""] if i else []
            yield (f"{line(head)} ({line(', '.join(rest))})" if rest else line(head)) if first else ""
        yield cell


def listed(table: pd.DataFrame, name: str, *headings: str, most: int = 4) -> str:
    """The first rows in a line: `firm 0.018 [0.009, 0.066]; solo unknown`, each by its cell under `name`."""
    first = table.head(most)
    cells = {column.heading: column.cells for column in columns(first)}
    shown = [cells.get(heading, ("",) * len(first)) for heading in (name, *headings)]
    items = [_item(_level(head), values) for head, *values in zip(*shown, strict=True)]
    return enumerate_some(items, most, len(table))


def _item(name: str, values: Sequence[str]) -> str:
    """A row by its name and its values; one without any value says so."""
    return " ".join((name, *filter(None, values))) if any(values) or not values else f"{name} unknown"


def alike(table: pd.DataFrame, *names: str) -> pd.DataFrame:
    """The rows that are like the first one in these columns."""
    rows = np.all([(table[name] == table[name].iloc[0]).to_numpy(dtype=bool) for name in names], axis=0)
    return table.take(np.flatnonzero(rows)).reset_index(drop=True)


def _level(text: str) -> str:
    """A condition of one factor by its level alone, unless that is a number, which would be read as a result."""
    factor, equals, level = text.partition("=")
    return level if equals and "=" not in level and " " not in factor and not _is_number(level) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _paired(names: Sequence[str]) -> Iterator[tuple[str | None, tuple[str, ...]]]:
    """Each column with the two of its interval; None for an interval without a column of its name."""
    ends = {name for stem in _stems(names) for name in (f"{stem}low", f"{stem}high")}
    for i, name in enumerate(names):
        if name not in ends:
            bare = i + 1 < len(names) and names[i + 1] == "low" and "low" in ends
            stem = "" if bare else f"{name}_"
            yield name, (f"{stem}low", f"{stem}high") if f"{stem}low" in ends and (bare or stem) else ()
        elif name.endswith("_low") and name.removesuffix("_low") not in names:
            yield None, (name, name.removesuffix("low") + "high")


def _stems(names: Sequence[str]) -> list[str]:
    return [name.removesuffix("low") for name in names if name.endswith("low") and f"{name[:-3]}high" in names]


def _cell(heading: str, value: Any, ends: Sequence[Any], widest: int) -> str:
    estimate = text(value, heading, widest)
    if not any(map(_is_present, ends)):
        return estimate
    if decimals := _decimals(value, ends):
        estimate, *limits = (_fixed(number, heading, decimals) for number in (value, *ends))
    else:
        limits = [text(end, heading, widest) for end in ends]
    low, high = (limit or "none" for limit in limits)
    return f"{estimate} [{low}, {high}]".lstrip()


def _decimals(value: Any, ends: Sequence[Any]) -> int | None:
    """As many for a number as for its limits, so that two digits of it show; None for numbers that have none."""
    sizes = [abs(float(end)) for end in ends if _is_present(end) and isinstance(end, Real)]
    known = isinstance(value, Real) and _is_present(value)
    if (
        not sizes
        or any(math.isinf(size) for size in sizes)
        or max([*sizes, abs(float(value)) if known else 0.0]) >= 1000
    ):
        return None
    wide = _places(max(sizes))
    return min(_places(abs(float(value))), wide + 1) if known else wide


def _places(size: float) -> int:
    """Decimals of a number of this size: two digits that say something if it is small, four in all if it is large."""
    if ROUNDING < size < 0.01:
        return 1 - math.floor(math.log10(size))
    return 3 if size < 10 else 2 if size < 100 else 1


def _fixed(value: Any, heading: str, decimals: int) -> str:
    sign = "+" if heading.startswith("difference") else ""
    return f"{float(value):{sign}z.{decimals}f}" if _is_present(value) else ""


def text(value: Any, heading: str = "", widest: int = WIDEST) -> str:
    """One value on one line; empty when it is missing."""
    if _several(value):
        return line(", ".join(map(str, value)), widest)
    if not _is_present(value):
        return ""
    if isinstance(value, bool) or type(value).__name__ == "bool":
        return "yes" if value else "no"
    if isinstance(value, Integral):
        return f"{int(value):,}"
    if isinstance(value, Real):
        return _decimal(float(value), heading)
    return line(value, widest)


def chance(p: float) -> str:
    """A p value in three decimals, or in as many as tell it from .05."""
    if p < 0.001:
        return "<.001"
    return f"{p:.{next(n for n in range(3, 9) if n == 8 or (p == 0.05) == (round(p, n) == 0.05))}f}"


def _decimal(value: float, heading: str) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if heading in ("p", "holm") or heading.endswith(("_p", " p", "_holm", " holm")):
        return chance(value)
    sign = "+" if heading.startswith("difference") else ""
    value = 0.0 if abs(value) < ROUNDING else value
    size = abs(value)
    if size >= 1000:
        return f"{value:{sign},.0f}"
    return f"{value:{sign}.1e}" if 0 < size < 1e-5 else f"{value:{sign}z.{_places(size)}f}"


def _is_present(value: Any) -> bool:
    return value is not None and value is not pd.NA and (_several(value) or bool(value == value))


def _several(value: Any) -> bool:
    return isinstance(value, tuple | list)


def _numeric(values: Sequence[Any]) -> bool:
    known = [value for value in values if _is_present(value)]
    return bool(known) and all(isinstance(value, Real) and value is not True and value is not False for value in known)
