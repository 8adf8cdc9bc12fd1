"""A row of an analysis's table, with the columns that an estimate and its interval have in it."""

from typing import Any, Protocol

Row = dict[str, Any]
"""Cells by column; None where there is no number."""


class Limited(Protocol):
    """What has two limits, or none."""

    @property
    def low(self) -> float | None: ...

    @property
    def high(self) -> float | None: ...


class Estimated(Limited, Protocol):
    """A number with its limits."""

    @property
    def value(self) -> float | None: ...


def ends(name: str, limits: Limited | None) -> Row:
    """`NAME_low`, `NAME_high`."""
    return {f"{name}_low": limits and limits.low, f"{name}_high": limits and limits.high}


def estimated(name: str, estimate: Estimated | None) -> Row:
    """`NAME`, `NAME_low`, `NAME_high`."""
    return {name: estimate and estimate.value, **ends(name, estimate)}
