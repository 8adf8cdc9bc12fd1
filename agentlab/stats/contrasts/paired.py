"""The paired difference between two arms over tasks and draws, for these tasks and for new tasks.

`d_tr = a_tr - b_tr` for task t and draw r, `d_t` its mean over the `n_t` complete pairs of the task, G tasks, and the
difference is `D = sum_t d_t / G`, in which every task weighs the same. Sources: Satterthwaite (1946) for the degrees
of freedom of a sum of variances; Miller (2024, arXiv 2411.00640) for pairs and task means; Fisher (1935) for flips.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from agentlab.stats.contrasts.power import FEWEST_TASKS
from agentlab.text import pluralize

Array = NDArray[np.float64]
MOST_FLIPS = 12
"""Up to so many tasks the sign-flip test is exact, over at most 4,096 patterns; above, the t interval serves alone."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A two-sided t interval around an estimate; `p` is the two-sided p-value of no difference."""

    low: float
    high: float
    se: float
    df: float
    p: float


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
    these_tasks: Interval | None
    new_tasks: Interval | None
    sign_flip: float | None
    """Exact two-sided p over all sign patterns of the task differences, for 6 to 12 tasks, and for more where all are
    alike; of fewer tasks over the patterns of all pairs, where `constant`."""
    correlation: float | None
    """Of the arms' values over all complete pairs: shared tasks and shared random numbers together."""
    correlation_within: float | None
    """The same with task means taken out: what shared random numbers do."""
    constant: bool
    """Every pair differs by the same amount as the others of its task, and no interval over tasks can be had either.

    Of arms whose calls were identical that says nothing, and of others `sign_flip` says how likely it is by luck.
    """
    notes: tuple[str, ...]
    """Why an interval is missing."""


def paired(
    tasks: Sequence[Hashable],
    draws: Sequence[Hashable],
    a: ArrayLike,
    b: ArrayLike,
    level: float = 0.95,
    unit: str = "pair",
) -> Paired:
    """Compares two arms row by row; row i holds both arms' value on draw `draws[i]` of task `tasks[i]`, NaN if missing.

    All four have shape (rows,). Draws are nested in tasks, so `draws` serves only to find a pair given twice, which
    raises ValueError. 'These tasks' needs two complete pairs in every task: a task with one pair has no variance of its
    own and none is borrowed, so the interval is then None and `notes` says so. 'New tasks' needs 6 tasks. `unit` is
    what the notes call a row.
    """
    x, y = _values(tasks, draws, a, b)
    complete = np.isfinite(x) & np.isfinite(y)
    dropped = int((~complete).sum())
    if dropped == len(x):
        return Paired(None, None, None, 0, 0, dropped, None, None, None, None, None, False, (f"no complete {unit}",))
    codes = _codes(tasks if not dropped else [task for task, kept in zip(tasks, complete, strict=True) if kept])
    x, y = x[complete], y[complete]
    d = x - y
    tiny = 1e-12 * max(float(np.abs(x).max()), float(np.abs(y).max()), 1e-300)
    n_t = np.bincount(codes).astype(np.float64)
    d_t, x_t, y_t = (np.bincount(codes, values) / n_t for values in (d, x, y))
    same = not bool(np.any(_spread(d, codes) > tiny))
    spread: Array = np.bincount(codes, np.square(d - d_t[codes])).astype(np.float64)
    like, flip, why_like = _new_tasks(d_t, level, tiny)
    told = f"no 'these tasks' interval: every {unit} of a task differs by the same amount"
    these, why_these = (None, told) if same and n_t.min() > 1 else _these_tasks(spread, n_t, d_t, level, unit)
    constant = len(d) > len(n_t) and same and like is None
    if flip is None and constant:
        flip = _flips(d / n_t[codes], tiny)
    return Paired(
        difference=float(d_t.mean()),
        mean_a=float(x_t.mean()),
        mean_b=float(y_t.mean()),
        tasks=len(n_t),
        pairs=len(d),
        dropped=dropped,
        these_tasks=these,
        new_tasks=like,
        sign_flip=flip,
        correlation=_correlation(np.stack([x - x.mean(), y - y.mean()]), tiny),
        correlation_within=_correlation(np.stack([x - x_t[codes], y - y_t[codes]]), tiny),
        constant=constant,
        notes=tuple(note for note in (why_these, why_like) if note),
    )


def t_interval(estimate: float, se: float, df: float, level: float = 0.95) -> Interval:
    """`estimate ± t_(df, (1 + level)/2) se`, and `p = 2 P(T_df > |estimate| / se)`."""
    margin = float(stats.t.ppf((1 + level) / 2, df)) * se
    p = 2 * float(stats.t.sf(abs(estimate) / se, df))
    return Interval(estimate - margin, estimate + margin, se, df, p)


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

    `df = (sum v_t)^2 / sum(v_t^2 / n_t) - 1`, at most `sum(n_t - 1)`. Satterthwaite's divisor is `n_t - 1`, with none
    taken off, which takes chance for unequal variances: with 2 draws of each of 10 tasks 95 % intervals cover 98 %. A
    divisor `n_t + 1`, less 2, is unbiased for equal normal variances, but where one task has 25 times the variance of
    the others it covers 90 %. This is half way: 96 % and 91 %; with 3 draws 95 % and 93 %, with more nearer to 95 %.
    """
    single = int((n_t < 2).sum())
    if single:
        return None, f"no 'these tasks' interval: {single} of {len(n_t)} tasks have one {unit}, and two are needed"
    v_t = spread / (n_t - 1) / n_t
    df = min(float(v_t.sum() ** 2 / (v_t**2 / n_t).sum()) - 1, float((n_t - 1).sum()))
    return t_interval(float(d_t.mean()), float(np.sqrt(v_t.sum())) / len(n_t), df, level), ""


def _new_tasks(means_t: Array, level: float, tiny: float) -> tuple[Interval | None, float | None, str]:
    """`se(D) = sd(d_t) / sqrt(G)` with G - 1 degrees of freedom; the exact sign-flip p beside it for few tasks."""
    count = len(means_t)
    if count < FEWEST_TASKS:
        return None, None, f"{pluralize(count, 'task')}: nothing is claimed beyond them, which takes {FEWEST_TASKS}"
    if np.ptp(means_t) <= tiny:
        return None, _flips(means_t, tiny), "no 'new tasks' interval: every task differs by the same amount"
    flip = sign_flip_p(means_t) if count <= MOST_FLIPS else None
    se = float(means_t.std(ddof=1)) / count**0.5
    return t_interval(float(means_t.mean()), se, count - 1, level), flip, ""


def _values(tasks: Sequence[Hashable], draws: Sequence[Hashable], a: ArrayLike, b: ArrayLike) -> tuple[Array, Array]:
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if x.ndim != 1 or not len(tasks) == len(draws) == len(x) == len(y):
        raise ValueError(f"tasks, draws and values differ in length: {len(tasks)}, {len(draws)}, {x.shape}, {y.shape}")
    if len(set(zip(tasks, draws, strict=True))) < len(tasks):
        raise ValueError("a (task, draw) pair is given twice")
    return x, y


def _codes(labels: Sequence[Hashable]) -> NDArray[np.intp]:
    known: dict[Hashable, int] = {}
    return np.array([known.setdefault(label, len(known)) for label in labels], dtype=np.intp)


def _spread(values: Array, codes: NDArray[np.intp]) -> Array:
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
