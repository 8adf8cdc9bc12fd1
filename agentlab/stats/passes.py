"""What k tries of a task are worth: one right (pass@k), all right (pass^k), the most frequent one right (maj@k).

Each is estimated without bias from n >= k draws as the mean over all subsets of k of them, exactly: Chen et al. (2021,
arXiv 2107.03374) for pass@k, Yao et al. (2024, arXiv 2406.12045) for pass^k, and for maj@k by counting the subsets in
which each answer leads. n must be fixed beforehand: draws that were stopped at a success estimate something else.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import comb

import numpy as np
from numpy.typing import NDArray

from agentlab.stats.contrasts.paired import FEWEST_TASKS, Interval, t_interval
from agentlab.text import pluralize

Counts = Sequence[int]
"""Of one task: how many draws gave the right answer, then how many gave each other answer."""
Worth = Callable[[Counts, int], float]


@dataclass(frozen=True, slots=True)
class Pass:
    """The mean over tasks of what k tries are worth. Intervals are cut off at 0 and 1, past which no value lies."""

    k: int
    value: float
    these_tasks: Interval | None
    """From the draws within tasks: delete-one-draw jackknife variances, summed over tasks, Satterthwaite's df."""
    new_tasks: Interval | None
    """The t interval over tasks; None under 6 tasks."""
    notes: tuple[str, ...] = ()
    """Why an interval is missing."""


def one_right(counts: Counts, k: int) -> float:
    """pass@k: `1 - C(n - c, k) / C(n, k)` with c of n draws right."""
    n = _draws(counts, k)
    return 1 - comb(n - counts[0], k) / comb(n, k)


def all_right(counts: Counts, k: int) -> float:
    """pass^k: `C(c, k) / C(n, k)`."""
    return comb(counts[0], k) / comb(_draws(counts, k), k)


def majority(counts: Counts, k: int) -> float:
    """maj@k: the chance that the right answer is the most frequent of k; of t answers that tie it is one in t.

    Sums over j right ones, `C(c, j)` times the subsets of the others of size k - j in which no answer is given more
    than j times and t - 1 are given j times; the others' subsets are the coefficients of a product of polynomials.
    """
    n, right = _draws(counts, k), counts[0]
    won = 0.0
    for j in range(1, min(right, k) + 1):
        # ways[t][s]: subsets of s draws of the answers so far, in which t of them are given j times and none more
        ways = [[1] + [0] * (k - j)]
        for count in counts[1:]:
            ways = _with(ways, count, j, k - j)
        won += comb(right, j) * sum(ties[k - j] / (t + 1) for t, ties in enumerate(ways))
    return won / comb(n, k)


def passes(tasks: Sequence[Counts], k: int, worth: Worth, level: float = 0.95) -> Pass:
    """Mean over tasks of `worth` with both intervals. Raises ValueError where a task has fewer than k draws.

    `worth` is `one_right`, `all_right`, `majority`, or any function of the counts of a task.
    """
    if not tasks:
        raise ValueError("no task")
    values: NDArray[np.float64] = np.array([worth(counts, k) for counts in tasks])
    mean, many, notes = float(values.mean()), len(tasks), list[str]()
    these = like = None
    if any(sum(counts) <= k for counts in tasks):
        notes.append(f"no 'these tasks' interval: a task has no more than {k} draws, so none can be left out")
    else:
        v = np.array([_variance(counts, k, worth) for counts in tasks])
        df = np.array([sum(counts) - 1 for counts in tasks])
        if v.sum() > 0:
            these = t_interval(mean, float(np.sqrt(v.sum())) / many, float(v.sum() ** 2 / (v**2 / df).sum()), level)
        else:
            notes.append("no 'these tasks' interval: in every task all draws are alike")
    if many < FEWEST_TASKS:
        notes.append(f"{pluralize(many, 'task')}: nothing is claimed beyond them, which takes {FEWEST_TASKS}")
    elif np.ptp(values) <= 1e-12:
        notes.append("no 'new tasks' interval: every task has the same value")
    else:
        like = t_interval(mean, float(values.std(ddof=1)) / many**0.5, many - 1, level)
    return Pass(k, mean, _cut(these), _cut(like), tuple(notes))


def _cut(interval: Interval | None) -> Interval | None:
    return interval and replace(interval, low=max(0.0, interval.low), high=min(1.0, interval.high))


def _variance(counts: Counts, k: int, worth: Worth) -> float:
    """Delete-one-draw jackknife: `(n - 1)/n sum_i (f_(-i) - mean f_(-i))^2`; draws with one answer are alike."""
    n = sum(counts)
    left = [worth([c - (a == b) for b, c in enumerate(counts)], k) if counts[a] else 0.0 for a in range(len(counts))]
    weights = np.array(counts, dtype=np.float64)
    mean = float(weights @ left) / n
    return (n - 1) / n * float(weights @ (np.array(left) - mean) ** 2)


def _with(ways: list[list[int]], count: int, most: int, size: int) -> list[list[int]]:
    """The ways with one more answer, given `count` times, of which at most `most` are taken."""
    found = [[0] * (size + 1) for _ in range(len(ways) + 1)]
    for t, row in enumerate(ways):
        for s, old in enumerate(row):
            for taken in range(min(count, most, size - s) + 1) if old else ():
                found[t + (taken == most)][s + taken] += old * comb(count, taken)
    return found


def _draws(counts: Counts, k: int) -> int:
    n = sum(counts)
    if not counts or min(counts) < 0 or not 1 <= k <= n:
        raise ValueError(f"{k} of {n} draws: k is at least 1 and at most the number of draws; counts are 0 or more")
    return n
