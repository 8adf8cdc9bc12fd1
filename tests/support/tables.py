"""Rows of an analysis' tables, for tests that look at their numbers one by one."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, cast

import pytest

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


def assert_alike(found: Any, expected: Any) -> None:
    """That two dataclasses hold the same, numbers up to rounding."""
    same = flat(asdict(expected))
    for name, value in flat(asdict(found)).items():
        assert value == (pytest.approx(same[name], rel=1e-9) if isinstance(value, float) else same[name]), name


def flat(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Nested fields by their dotted names."""
    leaves: dict[str, Any] = {}
    for name, value in fields.items():
        inner: dict[str, Any] = flat(cast("dict[str, Any]", value)) if isinstance(value, dict) else {"": value}
        leaves |= {f"{name}.{below}": leaf for below, leaf in inner.items()}
    return leaves
