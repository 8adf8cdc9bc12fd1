"""Rows of an analysis' tables, for tests that look at their numbers one by one."""

from typing import Any

from agentlab.analysis.analysis import Analysis

Row = dict[str, Any]


def rows(found: Analysis, table: str, **values: Any) -> list[Row]:
    """Those with these values in their columns."""
    every: list[Row] = [
        {str(key): value for key, value in row.items()} for row in found.tables[table].to_dict("records")
    ]
    return [row for row in every if all(row[name] == value for name, value in values.items())]


def only(found: Analysis, table: str, **values: Any) -> Row:
    """The one row with these values."""
    (row,) = rows(found, table, **values)
    return row


def column(table: list[Row], name: str) -> list[Any]:
    return [row[name] for row in table]
