"""Shares of an outcome's variance by round, from forks of a random sample of rollouts, the parents.

With `s2_p(k)` the variance of the outcome among forks of parent p that keep its log up to the end of round k, round k
has the term `C_k = mean over parents of s2_p(k-1) - s2_p(k)`: how much less is left open once the round is known. The
`C_k` telescope to `s2(0)`, the last term is judge noise. Every `s2` is unbiased, so that differences may be negative;
they are kept. Source: the law of total variance along a filtration.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agentlab.stats.contrasts.paired import FEWEST_TASKS, paired
from agentlab.stats.estimate import Estimate
from agentlab.stats.interval import Interval
from agentlab.stats.jackknife import of_sums, quotient
from agentlab.stats.rows import codes_of
from agentlab.text import pluralize

Array = NDArray[np.float64]

Clusters = Mapping[Any, Hashable] | None
"""By task, its cluster."""
FEWEST_PARENTS = 30
"""With fewer parents, shares are too rough to compare, by rule of thumb."""


@dataclass(frozen=True, slots=True)
class VarianceTerm:
    """One term of the variance, with both intervals over parents, and what share of the whole it is."""

    variance: float
    """Mean over tasks of the mean over a task's parents; negative by chance where little is to be found."""
    these_tasks: Interval | None
    new_tasks: Interval | None
    share: Estimate
    """Of the total, which must be above 0; jackknife-t over tasks from 6 tasks on, else over parents, of which it
    takes as many."""


@dataclass(frozen=True, slots=True)
class Shares:
    """Variance by round. `rounds[i]` lies between cut i and cut i + 1; they and `noise` sum to `total`."""

    rounds: tuple[VarianceTerm, ...]
    noise: VarianceTerm | None
    """Judge noise; None where it is not separable and stays in the last round."""
    total: VarianceTerm
    parents: int
    tasks: int
    notes: tuple[str, ...]


def within(outcomes: ArrayLike, cells: ArrayLike, count: int) -> Array:
    """Unbiased variance of the outcomes in each of `count` cells, shape (count,); NaN for a cell without outcomes.

    `outcomes` and `cells` (the cell of each outcome, 0 to count - 1) have shape (forks,). Raises ValueError for a cell
    with one outcome, which has no variance, and for values that are no numbers.
    """
    x: Array = np.asarray(outcomes, dtype=np.float64)
    of: NDArray[np.intp] = np.asarray(cells, dtype=np.intp)
    if x.ndim != 1 or x.shape != of.shape or not np.isfinite(x).all():
        raise ValueError(
            f"outcomes {x.shape} and cells {of.shape}: one finite outcome and one cell per fork are needed"
        )
    n: Array = np.bincount(of, minlength=count).astype(np.float64)
    if (n == 1).any():
        raise ValueError(f"{int((n == 1).sum())} cells have one fork: two or more are needed, one has no variance")
    some = np.where(n > 0, n, np.nan)
    centred = x - (np.bincount(of, weights=x, minlength=count) / some)[of]
    return np.asarray(np.bincount(of, weights=centred**2, minlength=count) / (some - 1), dtype=np.float64)


def between(outcomes: ArrayLike) -> float:
    """Variance of parents' expected outcomes from m forks each, shape (parents, m): `S2 of means - s2_within / m`.

    What the rounds up to the cut have settled. The variance of the means alone counts the forks' own noise as settled:
    a true .10 of 1 reads .32 with 4 forks. Raises ValueError unless there are two parents and two forks.
    """
    x: Array = np.asarray(outcomes, dtype=np.float64)
    if x.ndim != 2 or min(x.shape) < 2 or not np.isfinite(x).all():
        raise ValueError(f"outcomes of shape {x.shape}: two or more parents with two or more forks each are needed")
    return float(x.mean(axis=1).var(ddof=1) - x.var(axis=1, ddof=1).mean() / x.shape[1])


def by_round(
    variances: ArrayLike,
    tasks: Sequence[Hashable],
    noise: ArrayLike | None = None,
    level: float = 0.95,
    clusters: Clusters = None,
) -> Shares:
    """Shares from `variances`, shape (parents, cuts): `s2_p` at the cuts before each round and none at the end.

    At the end nothing is left open but judge noise: `noise`, shape (parents,), is `sigma2_w / J` of each parent by
    nested judge draws, and None leaves it in the last round. `tasks` has shape (parents,), and `clusters` gives the
    cluster of each; every task weighs the same, and the intervals are those of `paired` over the parents' differences:
    no bootstrap, whose coverage falls short under 30 clusters. Raises ValueError for values that are no numbers: leave
    a parent without all cuts out.
    """
    s2: Array = np.asarray(variances, dtype=np.float64)
    if s2.ndim != 2 or not s2.size or len(tasks) != len(s2) or not np.isfinite(s2).all():
        raise ValueError(f"variances of shape {s2.shape} for {len(tasks)} parents: one finite row of cuts per parent")
    left: Array = np.zeros(len(s2)) if noise is None else np.asarray(noise, dtype=np.float64)
    if left.shape != (len(s2),) or not np.isfinite(left).all():
        raise ValueError(f"noise of shape {left.shape} for {len(s2)} parents: one finite value per parent is needed")
    ends = np.column_stack([s2, left])
    terms = ends[:, :-1] - ends[:, 1:]
    by_part, notes = parts(np.column_stack([terms, left, s2[:, 0]]), tasks, s2[:, 0], level, clusters)
    if noise is None:
        notes = (*notes, "judge noise is not separated and counts toward the last round")
    return Shares(
        by_part[:-2], by_part[-2] if noise is not None else None, by_part[-1], len(s2), len(set(tasks)), notes
    )


def parts(
    terms: Array, tasks: Sequence[Hashable], totals: Array, level: float = 0.95, clusters: Clusters = None
) -> tuple[tuple[VarianceTerm, ...], tuple[str, ...]]:
    """A term per column of `terms`, shape (parents, parts), as shares of `totals`, shape (parents,); with notes."""
    order = range(len(tasks))
    zero = np.zeros(len(tasks))
    tests = [paired(tasks, order, column, zero, level, clusters=clusters) for column in terms.T]
    known: dict[Hashable, int] = {}
    codes = np.array([known.setdefault(task, len(known)) for task in tasks], dtype=np.intp)
    size = np.bincount(codes).astype(np.float64)
    columns = np.column_stack([terms, totals])
    means = np.stack([np.bincount(codes, weights=column) / size for column in columns.T], axis=1)
    drawn = codes_of([clusters.get(label, label) for label in known]) if clusters else np.arange(len(known))
    # With few tasks a parent enters with the weight it has in the mean of task means.
    many = int(drawn.max()) + 1 >= FEWEST_TASKS
    units, of_unit = (means, drawn if clusters else None) if many else (columns / size[codes][:, None], None)
    variances = means[:, :-1].mean(axis=0)
    by_part = tuple(
        VarianceTerm(
            variance=float(variance),
            these_tasks=test.these_tasks,
            new_tasks=test.new_tasks,
            share=of_sums(units[:, [i, -1]], quotient, level, of_unit),
        )
        for i, (variance, test) in enumerate(zip(variances, tests, strict=True))
    )
    return by_part, tuple(_notes(size, int(drawn.max()) + 1))


def _notes(parents: Array, drawn: int) -> list[str]:
    """Why an interval is missing from every part, given how many parents each task has; `drawn` are tasks, or clusters
    of them."""
    notes: list[str] = []
    single, tasks = int((parents == 1).sum()), len(parents)
    if single:
        notes.append(f"no interval for these tasks: {single} of {tasks} tasks have one parent, and two are needed")
    if drawn < FEWEST_TASKS:
        size = pluralize(tasks, "task") + (f" in {pluralize(drawn, 'cluster')}" if drawn < tasks else "")
        notes.append(f"{size}: too few for conclusions about new tasks (at least {FEWEST_TASKS} are needed)")
    if drawn < FEWEST_TASKS > parents.sum():
        notes.append(
            f"{pluralize(int(parents.sum()), 'parent')}: no interval for shares (at least {FEWEST_TASKS} are needed)"
        )
    return notes
