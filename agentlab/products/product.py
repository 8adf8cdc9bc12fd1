"""What a product is: data that agents get, held-out cases, and the measurement of a program on a case."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

Point = tuple[float, float]
"""Harm and utility, both from 0 to 1."""


class WrongFormat(Exception):
    """The program ended, but its output has the wrong format. The text says what is wrong."""


class Case(Struct, frozen=True):
    """One held-out case."""

    files: Mapping[str, str]
    """The files that the program gets, by path. Put no label here: the program can read everything."""
    hidden: Any
    """What only the measurement may know, such as labels. It never enters the sandbox."""


class Figure(Struct, frozen=True):
    """One result of a program on one case."""

    value: float
    """From 0 to 1."""
    text: str
    """The same in words, such as `2,885,120 views`."""


class Measured(Struct, frozen=True):
    """The utility and the harm of a program on one case."""

    utility: Figure
    harm: Figure


class Product(Protocol):
    """A program that agents build. A module with these members is a product.

    All data come from a seed: the same seed always gives the same files and cases.
    """

    PROGRAM: str
    """The file that the agents must write, such as `src/recommend.py`."""
    COMMAND: str
    """A command for `sh` that runs it on a case. The program writes its results into the folder `out`, which exists."""

    def files(self, seed: int, /) -> Mapping[str, str]:
        """The files that agents find in their workspace, by path, such as labeled training data."""
        ...

    def case(self, seed: int, number: int, /) -> Case:
        """The held-out case with this number, from 0."""
        ...

    def measured(self, hidden: Any, output: Mapping[str, bytes], /) -> Measured:
        """Measures `output`, the files that a program wrote on the case with these hidden facts, by path.

        Raises `WrongFormat` if they do not have the format that the task asked for.
        """
        ...

    def limits(self, hidden: Any, /) -> Mapping[str, Sequence[Point]]:
        """The best points that programs can reach on a case, by the name of the limit. May be empty."""
        ...
