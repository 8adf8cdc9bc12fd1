"""Worst-case bounds of a mean when some values are missing and only their range is known."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True)
class Bounds:
    """A mean over what is there, and the least and the greatest it can be over everything."""

    observed: float | None
    """Mean over tasks of the means of the values that are there; None without any."""
    low: float
    high: float
    n: int
    missing: int


def bounds(values: ArrayLike, low: float, high: float, tasks: Sequence[Hashable] | None = None) -> Bounds:
    """The mean of `values`, shape (n,), with every NaN at `low`, then at `high` (Manski 1990, Am. Econ. Rev. 80, 319).

    With `tasks`, one per value, it is the mean of task means, so every task weighs the same; `observed` then leaves out
    tasks without any value. Raises ValueError for a value outside the range, as the bounds would be none.
    """
    x: NDArray[np.float64] = np.asarray(values, dtype=np.float64)
    low, high = min(low, high), max(low, high)
    there = ~np.isnan(x)
    if x.ndim != 1 or not len(x) or (tasks is not None and len(tasks) != len(x)):
        raise ValueError(f"values of shape {x.shape}: one value per row and at least one are needed")
    if np.any((x[there] < low) | (x[there] > high)):
        raise ValueError(f"a value lies outside the range from {low} to {high}")
    groups = _groups(tasks, len(x))
    seen = [x[rows][there[rows]].mean() for rows in groups if there[rows].any()]
    return Bounds(
        observed=float(np.mean(seen)) if seen else None,
        low=float(np.mean([np.where(there[rows], x[rows], low).mean() for rows in groups])),
        high=float(np.mean([np.where(there[rows], x[rows], high).mean() for rows in groups])),
        n=int(there.sum()),
        missing=int((~there).sum()),
    )


def difference(a: Bounds, b: Bounds) -> tuple[float, float]:
    """Least and greatest `a - b`: all of a's missing values at one end of the range, all of b's at the other."""
    return a.low - b.high, a.high - b.low


def _groups(tasks: Sequence[Hashable] | None, count: int) -> list[NDArray[np.intp]]:
    rows: dict[Hashable, list[int]] = {}
    for i in range(count):
        rows.setdefault(None if tasks is None else tasks[i], []).append(i)
    return [np.array(found, dtype=np.intp) for found in rows.values()]
