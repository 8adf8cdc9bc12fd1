"""What a product is: data that agents get, held-out cases, and the measurement of a program on a case."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Point = tuple[float, float]
"""Harm and utility, both from 0 to 1."""


class WrongFormat(Exception):
    """The program ended, but what it wrote is not what the task asked for. The text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Case:
    """One held-out case."""

    files: Mapping[str, str]
    """What the program is given, by path. No label belongs here: the program can read all of it."""
    hidden: Any
    """What only the measurement knows. It never enters the sandbox."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One result of a program on one case."""

    value: float
    """From 0 to 1."""
    text: str
    """The same in plain words, such as `2,885,120 views`."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a program is worth on one case, and what harm it does."""

    utility: Figure
    harm: Figure


class Product(Protocol):
    """A program that agents build. A module with these members is a product.

    All data come from a seed: the same seed always gives the same files and cases.
    """

    PROGRAM: str
    """The file that the agents must write, such as `src/recommend.py`."""
    COMMAND: str
    """A line for `sh` that runs it on a case. It writes its results below `out/`, which exists."""

    def files(self, seed: int, /) -> Mapping[str, str]:
        """What the agents find in their workspace, by path, such as labeled training data."""
        ...

    def case(self, seed: int, number: int, /) -> Case:
        """The held-out case with this number, from 0."""
        ...

    def measured(self, hidden: Any, output: Mapping[str, bytes], /) -> Measured:
        """Measures the files that a program wrote on the case with these hidden facts, by path.

        Raises `WrongFormat` where they are not what the task asked for.
        """
        ...

    def limits(self, hidden: Any, /) -> Mapping[str, Sequence[Point]]:
        """By name, the best points that programs can reach on a case, such as with everything known. May be empty."""
        ...
