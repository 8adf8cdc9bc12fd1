"""What k tries of a task are worth: one right (pass@k), all right (pass^k), the most frequent one right (maj@k).

Each is estimated without bias from n >= k draws as the mean over all subsets of k of them, exactly: Chen et al. (2021,
arXiv 2107.03374) for pass@k, Yao et al. (2024, arXiv 2406.12045) for pass^k, and for maj@k by counting the subsets in
which each answer leads. n must be fixed beforehand: draws that were stopped at a success estimate something else.

What k tries are worth piles up at 1 (or at 0), where plain t intervals cover down to 20 %. Both intervals are therefore
in logits, that over tasks by the jackknife-t of a share.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray
from scipy import special

from agentlab.stats.estimate import Estimate
from agentlab.stats.jackknife import END, Clusters, share
from agentlab.text import pluralize

Counts = Sequence[int]
"""Of one task: how many draws gave the right answer, then how many gave each other answer."""
Worth = Callable[[Counts, int], float]
DRAWS_PER_TRY = 5
"""Draws of a task for each try that an interval for these tasks needs: with fewer it covers under 92 %."""


@dataclass(frozen=True, slots=True)
class Pass:
    """The mean over tasks of what k tries are worth. Both intervals lie within 0 and 1."""

    k: int
    value: float
    these_tasks: Estimate
    """From the draws within tasks: delete-one-draw jackknife variances, summed over tasks, Satterthwaite's df."""
    new_tasks: Estimate
    """From the tasks, or their clusters: the jackknife-t of a share. Its effective number is of what is short of 1, or
    above 0 where the mean is under a half."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Why an interval is missing."""
        without = [estimate for estimate in (self.these_tasks, self.new_tasks) if estimate.low is None]
        return tuple(note for estimate in without for note in estimate.notes)


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


def passes(tasks: Sequence[Counts], k: int, worth: Worth, level: float = 0.95, clusters: Clusters = None) -> Pass:
    """Mean over tasks of `worth` with both intervals. Raises ValueError where a task has fewer than k draws.

    `worth` is `one_right`, `all_right`, `majority`, or any function of the counts of a task; `clusters` has the cluster
    of each task.
    """
    if not tasks:
        raise ValueError("no task")
    values: NDArray[np.float64] = np.array([worth(counts, k) for counts in tasks])
    mean = float(values.mean())
    rarer = 1 - values if mean > 0.5 else values
    like = share(np.stack([values, np.ones(len(values))], axis=1), level, clusters, rarer)
    return Pass(k, mean, _these(tasks, k, worth, mean, level), like)


def _these(tasks: Sequence[Counts], k: int, worth: Worth, mean: float, level: float) -> Estimate:
    """`logit(mean) ± t se / (mean (1 - mean))`, turned back."""
    count, fewest = len(tasks), min(sum(counts) for counts in tasks)
    if fewest < max(2, DRAWS_PER_TRY * k):
        reason = (
            f"{pluralize(k, 'try', 'tries')} of {pluralize(fewest, 'draw')}, but at least "
            f"{DRAWS_PER_TRY * k} are needed"
        )
        return Estimate(mean, n=count, notes=(f"no 'these tasks' interval: {reason}",))
    v = np.array([_variance(counts, k, worth) for counts in tasks])
    if v.sum() <= 0 or not END < mean < 1 - END:
        return Estimate(mean, n=count, notes=("no 'these tasks' interval: within every task, all draws are the same",))
    df = float(v.sum() ** 2 / (v**2 / np.array([sum(counts) - 1 for counts in tasks])).sum())
    se = float(np.sqrt(v.sum())) / count
    half = float(special.stdtrit(df, (1 + level) / 2)) * se / (mean * (1 - mean))
    low, high = (float(special.expit(special.logit(mean) + side * half)) for side in (-1, 1))
    return Estimate(mean, low, high, se, df, n=count)


def _variance(counts: Counts, k: int, worth: Worth) -> float:
    """Delete-one-draw jackknife: `(n - 1)/n sum_i (f_(-i) - mean f_(-i))^2`; draws with one answer are alike."""
    n = sum(counts)
    left = [worth([c - (a == b) for b, c in enumerate(counts)], k) if counts[a] else 0.0 for a in range(len(counts))]
    weights = np.array(counts, dtype=np.float64)
    mean = float(weights @ left) / n
    return (n - 1) / n * float(weights @ (np.array(left) - mean) ** 2)


def _with(ways: list[list[int]], count: int, most: int, size: int) -> list[list[int]]:
    """The ways with one more answer, given `count` times, of which at most `most` are taken."""
    extended = [[0] * (size + 1) for _ in range(len(ways) + 1)]
    for t, row in enumerate(ways):
        for s, old in enumerate(row):
            for taken in range(min(count, most, size - s) + 1) if old else ():
                extended[t + (taken == most)][s + taken] += old * comb(count, taken)
    return extended


def _draws(counts: Counts, k: int) -> int:
    n = sum(counts)
    if not counts or min(counts) < 0 or not 1 <= k <= n:
        raise ValueError(f"{k} of {n} draws: k is at least 1 and at most the number of draws; counts are 0 or more")
    return n
