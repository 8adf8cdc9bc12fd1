"""Sums drawn by a seed, each in one of two splits that share no pair of numbers."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from agentlab.seeds import stream

Operator = Literal["+", "-", "*"]
Split = Literal["search", "report"]
Cell = tuple[Operator, int, int]
"""Operator, digits of each number, and how far the wrong result is from the right one."""
TRIES = 2_000
"""Candidates that are drawn for one sum before it is given up."""


class Sum(Struct, frozen=True):
    """Two numbers to add, subtract or multiply, with a result that is right and one that is wrong."""

    x: int
    y: int
    operator: Operator
    digits: int
    wrong_by: int

    @property
    def right(self) -> int:
        return {"+": self.x + self.y, "-": self.x - self.y, "*": self.x * self.y}[self.operator]

    @property
    def wrong(self) -> int:
        return self.right + self.wrong_by

    @property
    def text(self) -> str:
        """`3 + 4`."""
        return f"{self.x} {self.operator} {self.y}"

    @property
    def id(self) -> str:
        """`3+4`, as a task's id can be."""
        return f"{self.x}{'x' if self.operator == '*' else self.operator}{self.y}"

    @property
    def pair(self) -> tuple[str, int, int]:
        """Equal for sums of the same two numbers."""
        return self.operator, min(self.x, self.y), max(self.x, self.y)

    @property
    def distinct(self) -> bool:
        """Whether a text can name each of its four numbers without meaning another one."""
        numbers = (self.x, self.y, self.right, self.wrong)
        return len(set(numbers)) == len(numbers) and min(numbers) > 0

    def split(self, seed: int) -> Split:
        """By a hash of the pair: with one seed no pair is in both, whatever else two scenarios ask for."""
        return "search" if stream(seed, "split", *self.pair) % 2 else "report"


def drawn(cells: Sequence[Cell], counts: Mapping[Split, int], seed: int) -> dict[Split, list[Sum]]:
    """So many different sums of each split, their cells in turn; fewer where the cells have no more."""
    seen = set[tuple[str, int, int]]()
    sums: dict[Split, list[Sum]] = {split: [] for split in counts}
    for split, count in counts.items():
        left = {cell: _candidates(cell, seed, split) for cell in cells}
        for i in range(count):
            sum_ = next((sum_ for sum_ in left[cells[i % len(cells)]] if sum_.pair not in seen), None)
            if sum_ is not None:
                seen.add(sum_.pair)
                sums[split].append(sum_)
    return sums


def _candidates(cell: Cell, seed: int, split: Split) -> Iterator[Sum]:
    operator, digits, wrong_by = cell
    least, most = 10 ** (digits - 1), 10**digits - 1
    for k in range(TRIES):
        draw = stream(seed, "sum", *cell, k)
        x, y = (least + part % (most - least + 1) for part in (draw % 2**31, draw >> 31))
        sum_ = Sum(x, y, operator, digits, wrong_by)
        if sum_.distinct and sum_.split(seed) == split:
            yield sum_
