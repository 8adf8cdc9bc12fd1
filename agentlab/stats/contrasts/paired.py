"""The paired difference between two arms over tasks and draws, for these tasks and for new tasks.

`d_tr = a_tr - b_tr` for task t and draw r, `d_t` its mean over the `n_t` complete pairs of the task, G tasks, and the
difference is `D = sum_t d_t / G`, in which every task weighs the same. Sources: Satterthwaite (1946) for the degrees
of freedom of a sum of variances; Miller (2024, arXiv 2411.00640) for pairs and task means; Fisher (1935) for flips.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import inf
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agentlab.stats.contrasts.power import FEWEST_TASKS
from agentlab.stats.interval import Interval, limited, t_interval
from agentlab.stats.rows import codes_of
from agentlab.stats.task_mean import TaskMean, task_mean
from agentlab.text import pluralize

Array = NDArray[np.float64]
Codes = NDArray[np.intp]
MOST_FLIPS = 12
"""Up to so many tasks the sign-flip test is exact, over at most 4,096 patterns; above, the t interval serves alone."""


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
    """The same with task means taken out: what shared random numbers do."""
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
) -> Paired:
    """Compares two arms row by row; row i holds both arms' value on draw `draws[i]` of task `tasks[i]`, NaN if missing.

    All four have shape (rows,). Draws are nested in tasks, so `draws` serves only to find a pair given twice, which
    raises ValueError. 'These tasks' needs two complete pairs in every task: a task with one pair has no variance of its
    own and none is borrowed, so the interval is then None and `notes` says so. 'New tasks' needs 6 tasks, and 6
    `clusters` where each task has one by its label; see `task_mean`. Intervals end at `most`, the largest difference
    there can be. `unit` is what the notes call a row.
    """
    x, y = _values(tasks, draws, a, b)
    complete = np.isfinite(x) & np.isfinite(y)
    dropped = int((~complete).sum())
    if dropped == len(x):
        return Paired(None, None, None, 0, 0, dropped, notes=(f"no complete {unit}",))
    kept = tasks if not dropped else [task for task, there in zip(tasks, complete, strict=True) if there]
    comparison = _compared(kept, x[complete], y[complete], level, unit, clusters)
    these, new = limited(comparison.these_tasks, most), limited(comparison.new_tasks, most)
    return replace(comparison, dropped=dropped, these_tasks=these, new_tasks=new)


def _compared(
    tasks: Sequence[Hashable], x: Array, y: Array, level: float, unit: str, clusters: Mapping[Any, Hashable] | None
) -> Paired:
    """Of complete pairs, with intervals that know no range."""
    codes, labels, d = codes_of(tasks), list(dict.fromkeys(tasks)), x - y
    tiny = 1e-12 * max(float(np.abs(x).max()), float(np.abs(y).max()), 1e-300)
    n_t = np.bincount(codes).astype(np.float64)
    d_t, x_t, y_t = (np.bincount(codes, values) / n_t for values in (d, x, y))
    same = not bool(np.any(_spread(d, codes) > tiny))
    spread: Array = np.bincount(codes, np.square(d - d_t[codes])).astype(np.float64)
    units = codes_of([clusters.get(label, label) for label in labels]) if clusters else None
    over_tasks, flip, why_like = _new_tasks(d_t, units, tiny)
    like = over_tasks and over_tasks.interval(level)
    reason = f"no interval for these tasks: every {unit} of a task differs by the same amount"
    these, why_these = (None, reason) if same and n_t.min() > 1 else _these_tasks(spread, n_t, d_t, level, unit)
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
        sign_flip=_flips(d / n_t[codes], tiny) if flip is None and constant and units is None else flip,
        correlation=_correlation(np.stack([x - x.mean(), y - y.mean()]), tiny),
        correlation_within=_correlation(np.stack([x - x_t[codes], y - y_t[codes]]), tiny),
        constant=constant,
        clusters=None if units is None else int(units.max()) + 1,
        without_largest=_without_largest(labels, d_t, units, tiny) if len(labels) > 1 else None,
        notes=tuple(note for note in (why_these, why_like) if note),
    )


def sign_flip_p(differences: ArrayLike) -> float:
    """Exact two-sided p of the mean under random signs: the share of the 2^G patterns at least as far from 0.

    `differences` has shape (G,), G at most 20 unless none differs in sign, when it is `2 / 2^k` for k that are not 0.
    Under the null each difference is symmetric around 0 by itself.
    """
    d: Array = np.asarray(differences, dtype=np.float64)
    if len(d) and (np.all(d >= 0) or np.all(d <= 0)):
        return min(1.0, 2.0 ** (1 - int(np.count_nonzero(d))))
    if not 1 <= len(d) <= 20:
        raise ValueError(f"{len(d)} differences: the exact sign-flip test takes 1 to 20")
    signs: Array = np.array(list(product((1.0, -1.0), repeat=len(d) - 1))).reshape(-1, len(d) - 1)
    sums: Array = d[0] + np.asarray(signs @ d[1:], dtype=np.float64)
    far = np.abs(sums) >= abs(d.sum()) - 1e-12 * np.abs(d).sum()
    return float(far.sum()) / len(far)


def _flips(differences: Array, tiny: float) -> float | None:
    """The sign-flip p of differences that do not vary; None of many with both signs, whose patterns are too many."""
    d = np.where(np.abs(differences) <= tiny, 0.0, differences)
    one_sign = bool(np.all(d >= 0) or np.all(d <= 0))
    return sign_flip_p(d) if one_sign or len(d) <= MOST_FLIPS else None


def _these_tasks(spread: Array, n_t: Array, d_t: Array, level: float, unit: str) -> tuple[Interval | None, str]:
    """`var(D) = sum_t v_t / G^2` with `v_t = s_t^2 / n_t`; `spread` is `(n_t - 1) s_t^2`.

    `df = (sum v_t)^2 / sum(v_t^2 / (n_t - 1))` (Satterthwaite 1946). With two draws of a task that takes some chance
    for unequal variances, and 95 % intervals cover 97 to 98 %. They never cover under 93 %, as those by divisors nearer
    to the unbiased `n_t + 1` do where one task has most of the variance.
    """
    single = int((n_t < 2).sum())
    if single:
        return None, f"no interval for these tasks: {single} of {len(n_t)} tasks have one {unit}, and two are needed"
    v_t = spread / (n_t - 1) / n_t
    df = float(v_t.sum() ** 2 / (v_t**2 / (n_t - 1)).sum())
    return t_interval(float(d_t.mean()), float(np.sqrt(v_t.sum())) / len(n_t), df, level), ""


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
        return None, _flips(sums, tiny), "no interval for new tasks: every task differs by the same amount"
    over_tasks = task_mean(means_t, units)
    if over_tasks.se <= tiny:
        return None, _flips(sums, tiny), "no interval for new tasks: every cluster differs by the same amount"
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


def _correlation(centred: Array, tiny: float) -> float | None:
    """Pearson's r of two centred rows, shape (2, n); None when either does not vary."""
    if centred.shape[1] < 2 or np.abs(centred).max(axis=1).min() <= tiny:
        return None
    scaled = centred / np.abs(centred).max(axis=1, keepdims=True)
    xx, yy, xy = (float(scaled[i] @ scaled[j]) for i, j in ((0, 0), (1, 1), (0, 1)))
    return xy / (xx * yy) ** 0.5
