"""Rows of draws put together by task, however many draws each has: sums and means over a task's rows."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agentlab.text import pluralize

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rows:
    """N rows of T tasks. Row i belongs to task `codes[i]`, codes being 0 to T - 1; `counts_t` is its number of rows."""

    codes: Ints
    order: Ints
    starts_t: Ints
    counts_t: Ints

    def sum(self, values: Floats) -> Floats:
        """Over the rows of each task: shape (N, ...) becomes (T, ...)."""
        return np.add.reduceat(values[self.order], self.starts_t, axis=0)

    def mean(self, values: Floats) -> Floats:
        """Over the rows of each task: shape (N, ...) becomes (T, ...)."""
        return self.sum(values) / self.counts_t.reshape(-1, *[1] * (values.ndim - 1))

    def any(self, values: Bools) -> Bools:
        """Whether any row of a task has it: shape (N, ...) becomes (T, ...)."""
        return np.logical_or.reduceat(values[self.order], self.starts_t, axis=0)


def rows(tasks: ArrayLike, fewest: int = 2) -> Rows:
    """Puts together the rows with one code; `tasks` has shape (N,) and holds every whole number from 0 to T - 1.

    Raises ValueError for a task with fewer than `fewest` rows, as one draw has no variance.
    """
    codes = whole(tasks, "tasks")
    if codes.ndim != 1 or not len(codes):
        raise ValueError(f"tasks of shape {codes.shape}: one code per row, and at least one row, is needed")
    if codes.min() < 0:
        raise ValueError(f"task {codes.min()}: tasks are numbered from 0")
    counts: Ints = np.bincount(codes)
    few = np.flatnonzero(counts < fewest)
    if len(few):
        draws = pluralize(int(counts[few[0]]), "draw")
        raise ValueError(f"task {few[0]} has {draws}, and a variance over draws needs {fewest}; {len(few)} such tasks")
    return Rows(codes, np.argsort(codes, kind="stable"), np.cumsum(counts) - counts, counts)


def whole(values: ArrayLike, name: str) -> Ints:
    """`values` as whole numbers; raises ValueError where one is not, NaN included."""
    given: NDArray[Any] = np.asarray(values)
    if given.dtype.kind not in "biuf" or not (np.isfinite(given) & (given == np.trunc(given))).all():
        raise ValueError(f"{name}: whole numbers are needed")
    return given.astype(np.intp)


def ranks(values: Floats) -> Floats:
    """The place of each value among all, from 1; equal values share the mean of their places."""
    _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[codes]


def codes_of(labels: Iterable[Hashable]) -> Ints:
    """Each label's number, from 0 in order of appearance."""
    known: dict[Hashable, int] = {}
    return np.array([known.setdefault(label, len(known)) for label in labels], dtype=np.intp)
