"""The effect of a change made to a log (an agent swapped, a message dropped or edited) on what follows.

Treated forks are compared with plain forks of the same cut of the same parent, which went through everything but the
change; never with the parent, whose own outcome is one draw and, where it was chosen for being bad, a bad one: the
worst of 15 'improves' by 1.7 SD by itself. Fork i of both shares its random numbers, so forks are paired by index.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agentlab.stats.contrasts.paired import paired
from agentlab.stats.interval import Interval, limited, t_interval
from agentlab.text import pluralize

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class InterventionEffect:
    """Treated minus plain, with what it may be said of."""

    difference: float | None
    """Mean over tasks of the mean over a task's parents of the mean over a parent's pairs; None without a pair."""
    treated: float | None
    plain: float | None
    these_parents: Interval | None
    """Forks within these very logs (Satterthwaite 1946); for one parent it is the paired t over its forks."""
    these_tasks: Interval | None
    """Logs like these of these tasks: t over the parents within tasks; needs two parents of every task."""
    new_tasks: Interval | None
    """t over task means, or over clusters of them; needs 6 of these."""
    parents: int
    tasks: int
    pairs: int
    dropped: int
    """Forks without a counterpart, or in a pair of which an outcome is missing."""
    notes: tuple[str, ...]


def effect(
    tasks: Sequence[Hashable],
    parents: Sequence[Hashable],
    treated: ArrayLike,
    plain: ArrayLike,
    level: float = 0.95,
    clusters: Mapping[Any, Hashable] | None = None,
    most: float = inf,
) -> InterventionEffect:
    """The effect from pairs of forks: row i holds both outcomes of one fork index of `parents[i]`, of `tasks[i]`.

    All have shape (pairs,); NaN where an outcome is missing. `clusters` gives the cluster of each task, which `paired`
    takes for new tasks. Intervals end at `most`, the largest difference there can be. Raises ValueError for unequal
    lengths.
    """
    x, y = np.asarray(treated, dtype=np.float64), np.asarray(plain, dtype=np.float64)
    if x.ndim != 1 or not len(tasks) == len(parents) == len(x) == len(y):
        raise ValueError(
            f"tasks, parents and outcomes differ in length: {len(tasks)}, {len(parents)}, {x.shape}, {y.shape}"
        )
    complete = np.isfinite(x) & np.isfinite(y)
    known: dict[Hashable, int] = {}
    kept = [i for i, there in enumerate(complete.tolist()) if there]
    codes = np.array([known.setdefault(parents[i], len(known)) for i in kept], dtype=np.intp)
    dropped = int((~complete).sum())
    if not known:
        why = ("no pair of a changed and a plain fork with both outcomes",)
        return InterventionEffect(None, None, None, None, None, None, 0, 0, 0, dropped, why)
    n = np.bincount(codes).astype(np.float64)
    home = {parents[i]: tasks[i] for i in kept}
    homes = [home[parent] for parent in known]
    a, b = (np.asarray(np.bincount(codes, weights=side[kept]) / n, dtype=np.float64) for side in (x, y))
    whole = paired(homes, range(len(n)), a, b, level, "parent", clusters, most)
    these, why = _these_parents((x - y)[kept], codes, homes, level)
    return InterventionEffect(
        difference=whole.difference,
        treated=whole.mean_a,
        plain=whole.mean_b,
        these_parents=limited(these, most),
        these_tasks=whole.these_tasks,
        new_tasks=whole.new_tasks,
        parents=len(n),
        tasks=whole.tasks,
        pairs=len(kept),
        dropped=dropped,
        notes=tuple(note for note in (why, *whole.notes) if note),
    )


def _these_parents(
    d: Array, codes: NDArray[np.intp], homes: list[Hashable], level: float
) -> tuple[Interval | None, str]:
    """`var = sum_p w_p^2 s_p^2 / n_p`, `w_p = 1 / (tasks x parents of the task)`, Satterthwaite degrees of freedom."""
    n = np.bincount(codes).astype(np.float64)
    if n.min() < 2:
        alone = pluralize(int((n < 2).sum()), "parent")
        return None, f"no interval over forks: {alone} with one pair of forks, and two are needed"
    means = np.bincount(codes, weights=d) / n
    s2 = np.bincount(codes, weights=(d - means[codes]) ** 2) / (n - 1)
    weight = np.array([1 / homes.count(home) for home in homes]) / len(set(homes))
    v = weight**2 * s2 / n
    if v.sum() <= (1e-12 * max(float(np.abs(d).max()), 1e-300)) ** 2:
        return None, "no test over forks: every pair of a parent differs by the same amount"
    df = float(v.sum() ** 2 / (v**2 / (n - 1)).sum())
    return t_interval(float(weight @ means), float(v.sum()) ** 0.5, df, level), ""
