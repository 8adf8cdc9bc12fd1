"""The paired difference between two arms over tasks and draws, for these tasks and for new tasks.

`d_tr = a_tr - b_tr` for task t and draw r, `d_t` its mean over the `n_t` complete pairs of the task, G tasks, and the
difference is `D = sum_t d_t / G`, in which every task weighs the same. Sources: Satterthwaite (1946) for the degrees
of freedom of a sum of variances; Miller (2024, arXiv 2411.00640) for pairs and task means; Fisher (1935) for flips.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from math import inf
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agentlab.stats.contrasts.power import FEWEST_TASKS
from agentlab.stats.contrasts.sign_flip import MOST_FLIPS, flips, sign_flip_p
from agentlab.stats.interval import Interval, limited, t_interval
from agentlab.stats.over_draws import over_draws
from agentlab.stats.rows import codes_of
from agentlab.stats.task_mean import TaskMean, task_mean
from agentlab.text import pluralize

Array = NDArray[np.float64]
Codes = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class WithoutLargest:
    """What is left when the task is left out that the difference owes most to."""

    task: Hashable
    difference: float
    p: float | None
    """For new tasks; None where fewer than 6 are left, or all differ by the same amount."""


@dataclass(frozen=True, slots=True)
class Paired:
    """A paired difference `a - b` with what may be said about it."""

    difference: float | None
    """Mean over tasks of the mean difference of a task's pairs; None without a complete pair."""
    mean_a: float | None
    mean_b: float | None
    """Mean over tasks of the task means of an arm, over the complete pairs only: their gap is `difference`."""
    tasks: int
    """Tasks with at least one complete pair."""
    pairs: int
    dropped: int
    """Pairs in which either value is missing."""
    these_tasks: Interval | None = None
    new_tasks: Interval | None = None
    sign_flip: float | None = None
    """Exact two-sided p over all sign patterns of the task differences, for 6 to 12 tasks, and for more where all are
    alike; of fewer tasks over the patterns of all pairs, where `constant`. With clusters it is over those of their
    sums, for 6 to 12 of them."""
    correlation: float | None = None
    """Of the arms' values over all complete pairs: shared tasks and shared random numbers together."""
    correlation_within: float | None = None
    """The same with the means of tasks, or of their replicates, taken out: what shared random numbers do."""
    constant: bool = False
    """Every pair differs by the same amount as the others of its task, and no interval over tasks can be had either.

    Of arms whose calls were identical that says nothing, and of others `sign_flip` says how likely it is by luck.
    """
    clusters: int | None = None
    """Of the tasks; None where every task stands for itself."""
    without_largest: WithoutLargest | None = None
    """None without two tasks."""
    notes: tuple[str, ...] = ()
    """Why an interval is missing."""

    @property
    def tested(self) -> Interval | None:
        """What a conclusion goes by: new tasks, or these where they are few. Of few clusters neither: a difference on
        tasks that share a source is taken for more than it is."""
        return self.new_tasks or (self.these_tasks if self.clusters is None else None)


def paired(
    tasks: Sequence[Hashable],
    draws: Sequence[Hashable],
    a: ArrayLike,
    b: ArrayLike,
    level: float = 0.95,
    unit: str = "pair",
    clusters: Mapping[Any, Hashable] | None = None,
    most: float = inf,
    replicates: Sequence[Hashable] | None = None,
) -> Paired:
    """Compares two arms row by row; row i holds both arms' value on draw `draws[i]` of task `tasks[i]`, NaN if missing.

    All four have shape (rows,). Draws are nested in tasks, so `draws` serves only to find a pair given twice, which
    raises ValueError. `replicates`, shape (rows,), says which training each row is of, where arms were trained several
    times: 'these tasks' then takes the weights as given, and only what varies over draws of one replicate is chance.
    'These tasks' needs two complete pairs in every task and replicate: one pair has no variance of its own and none is
    borrowed, so the interval is then None and `notes` says so. 'New tasks' needs 6 tasks, and 6 `clusters` where each
    task has one by its label; see `task_mean`. Intervals end at `most`, the largest difference there can be. `unit` is
    what the notes call a row.
    """
    x, y = _values(tasks, draws, a, b)
    complete = np.isfinite(x) & np.isfinite(y)
    dropped = int((~complete).sum())
    if dropped == len(x):
        return Paired(None, None, None, 0, 0, dropped, notes=(f"no complete {unit}",))
    kept = list(compress(tasks, complete))
    cells = None if replicates is None else codes_of(zip(kept, compress(replicates, complete), strict=True))
    comparison = _compared(kept, x[complete], y[complete], level, unit, clusters, cells)
    these, new = limited(comparison.these_tasks, most), limited(comparison.new_tasks, most)
    return replace(comparison, dropped=dropped, these_tasks=these, new_tasks=new)


def _compared(
    tasks: Sequence[Hashable],
    x: Array,
    y: Array,
    level: float,
    unit: str,
    clusters: Mapping[Any, Hashable] | None,
    cells: Codes | None,
) -> Paired:
    """Of complete pairs, with intervals that know no range; `cells` has a code for each task and replicate."""
    codes, labels, d = codes_of(tasks), list(dict.fromkeys(tasks)), x - y
    within = codes if cells is None else cells
    tiny = 1e-12 * max(float(np.abs(x).max()), float(np.abs(y).max()), 1e-300)
    n_t = np.bincount(codes).astype(np.float64)
    d_t, x_t, y_t = (np.bincount(codes, values) / n_t for values in (d, x, y))
    same = not bool(np.any(_spread(d, codes) > tiny))
    units = codes_of([clusters.get(label, label) for label in labels]) if clusters else None
    over_tasks, flip, why_like = _new_tasks(d_t, units, tiny)
    like = over_tasks and over_tasks.interval(level)
    these, why_these = _these_tasks(d, codes, within, level, unit, tiny)
    constant = len(d) > len(n_t) and same and like is None
    return Paired(
        difference=float(d_t.mean()),
        mean_a=float(x_t.mean()),
        mean_b=float(y_t.mean()),
        tasks=len(n_t),
        pairs=len(d),
        dropped=0,
        these_tasks=these,
        new_tasks=like,
        sign_flip=flips(d / n_t[codes], tiny) if flip is None and constant and units is None else flip,
        correlation=_correlation(np.stack([x - x.mean(), y - y.mean()]), tiny),
        correlation_within=_correlation(np.stack([_centred(x, within), _centred(y, within)]), tiny),
        constant=constant,
        clusters=None if units is None else int(units.max()) + 1,
        without_largest=_without_largest(labels, d_t, units, tiny) if len(labels) > 1 else None,
        notes=tuple(note for note in (why_these, why_like) if note),
    )


def _these_tasks(
    d: Array, codes: Codes, cells: Codes, level: float, unit: str, tiny: float
) -> tuple[Interval | None, str]:
    """With the error of `over_draws`, or the reason why there is none.

    With two draws of a task its degrees of freedom take some chance for unequal variances, and 95 % intervals cover 97
    to 98 %. They never cover under 93 %, as those by divisors nearer to the unbiased `n_c + 1` do where one task has
    most of the variance.
    """
    n_c, tasks = np.bincount(cells), int(codes.max()) + 1
    apart = len(n_c) > tasks
    if single := len(np.unique(codes[(n_c < 2)[cells]])):
        where = " in a replicate" if apart else ""
        reason = f"{single} of {tasks} tasks have one {unit}{where}, and two are needed"
        return None, f"no interval for these tasks: {reason}"
    if not np.any(_spread(d, cells) > tiny):
        of = "a task and replicate" if apart else "a task"
        return None, f"no interval for these tasks: every {unit} of {of} differs by the same amount"
    se, df = over_draws(d, codes, cells)
    return t_interval(float((np.bincount(codes, d) / np.bincount(codes)).mean()), se, df, level), ""


def _new_tasks(means_t: Array, units: Codes | None, tiny: float) -> tuple[TaskMean | None, float | None, str]:
    """The mean over tasks or clusters of them; the exact sign-flip p beside it for few of these."""
    count = len(means_t) if units is None else int(units.max()) + 1
    if count < FEWEST_TASKS:
        if units is None or len(means_t) < FEWEST_TASKS:
            tasks = pluralize(len(means_t), "task")
            return None, None, f"{tasks}: too few for conclusions about new tasks (at least {FEWEST_TASKS} are needed)"
        of = f"{pluralize(count, 'cluster')} of {len(means_t)} tasks"
        return (
            None,
            None,
            (f"{of}: too few for conclusions beyond these tasks (at least {FEWEST_TASKS} clusters are needed)"),
        )
    sums: Array = means_t if units is None else np.bincount(units, means_t).astype(np.float64)
    if np.ptp(means_t) <= tiny:
        return None, flips(sums, tiny), "no interval for new tasks: every task differs by the same amount"
    over_tasks = task_mean(means_t, units)
    if over_tasks.se <= tiny:
        return None, flips(sums, tiny), "no interval for new tasks: every cluster differs by the same amount"
    return over_tasks, sign_flip_p(sums) if count <= MOST_FLIPS else None, ""


def _without_largest(labels: Sequence[Hashable], d_t: Array, units: Codes | None, tiny: float) -> WithoutLargest:
    largest = int(np.argmax(d_t * np.sign(d_t.mean())))
    rest = np.arange(len(d_t)) != largest
    left = None if units is None else codes_of(units[rest].tolist())
    over_tasks, _, _ = _new_tasks(d_t[rest], left, tiny)
    return WithoutLargest(labels[largest], float(d_t[rest].mean()), over_tasks and over_tasks.interval().p)


def _values(tasks: Sequence[Hashable], draws: Sequence[Hashable], a: ArrayLike, b: ArrayLike) -> tuple[Array, Array]:
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if x.ndim != 1 or not len(tasks) == len(draws) == len(x) == len(y):
        raise ValueError(f"tasks, draws and values differ in length: {len(tasks)}, {len(draws)}, {x.shape}, {y.shape}")
    if len(set(zip(tasks, draws, strict=True))) < len(tasks):
        raise ValueError("a (task, draw) pair is given twice")
    return x, y


def _spread(values: Array, codes: Codes) -> Array:
    """Greatest minus least value of every task, shape (G,)."""
    order = np.argsort(codes, kind="stable")
    first = np.flatnonzero(np.diff(codes[order], prepend=-1))
    return np.maximum.reduceat(values[order], first) - np.minimum.reduceat(values[order], first)


def _centred(values: Array, codes: Codes) -> Array:
    """Less the mean of those with the same code."""
    return values - (np.bincount(codes, values) / np.bincount(codes))[codes]


def _correlation(centred: Array, tiny: float) -> float | None:
    """Pearson's r of two centred rows, shape (2, n); None when either does not vary."""
    if centred.shape[1] < 2 or np.abs(centred).max(axis=1).min() <= tiny:
        return None
    scaled = centred / np.abs(centred).max(axis=1, keepdims=True)
    xx, yy, xy = (float(scaled[i] @ scaled[j]) for i, j in ((0, 0), (1, 1), (0, 1)))
    return xy / (xx * yy) ** 0.5
