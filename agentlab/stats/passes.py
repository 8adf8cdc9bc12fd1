"""What k tries of a task are worth: one right (pass@k), all right (pass^k), the most frequent one right (maj@k).

Each is estimated without bias from n >= k draws as the mean over all subsets of k of them, exactly: Chen et al. (2021,
arXiv 2107.03374) for pass@k, Yao et al. (2024, arXiv 2406.12045) for pass^k, and for maj@k by counting the subsets in
which each answer leads. n must be fixed beforehand: draws that were stopped at a success estimate something else.

One try is the mean of right-or-wrong answers, and has its intervals. What more tries are worth piles up at 1 (or at 0),
where plain t intervals cover down to 20 %. Both intervals are therefore in logits, that over tasks by the jackknife-t
of a share. With as many tries as draws, a task is but a success or a failure, and is counted as one try is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from agentlab.stats.arm_mean import ArmMean, arm_mean
from agentlab.stats.estimate import Estimate
from agentlab.stats.jackknife import END, Clusters, share

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
    """Of one try, which a vote of two is worth, that of `arm_mean`, else from the draws within tasks: delete-one-draw
    jackknife variances, summed over tasks, Satterthwaite's df."""
    new_tasks: Estimate
    """From the tasks, or their clusters. Of one try, and of as many as there are draws, that of `arm_mean`, else the
    jackknife-t of a share, whose effective number is of what is short of 1, or above 0 where the mean is under a half.
    pass@k reaches no lower than one try, and pass^k no higher."""

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
    subsets = [[comb(count, taken) for taken in range(min(count, k) + 1)] for count in counts[1:]]
    won = 0.0
    for j in range(1, min(right, k) + 1):
        # ways[t][s]: subsets of s draws of the answers so far, in which t of them are given j times and none more
        ways = [[1] + [0] * (k - j)]
        for of_one in subsets:
            ways = _with(ways, of_one, j, k - j)
        won += comb(right, j) * sum(ties[k - j] / (t + 1) for t, ties in enumerate(ways))
    return won / comb(n, k)


def passes(tasks: Sequence[Counts], k: int, worth: Worth, level: float = 0.95, clusters: Clusters = None) -> Pass:
    """Mean over tasks of `worth` with both intervals. Raises ValueError where a task has fewer than k draws.

    `worth` is `one_right`, `all_right`, `majority`, or any function of the counts of a task; `clusters` has the cluster
    of each task.
    """
    if not tasks:
        raise ValueError("no task")
    answers = [[1.0] * counts[0] + [0.0] * (_draws(counts, k) - counts[0]) for counts in tasks]
    one = _mean(answers, level, clusters)
    if k == 1 or (k == 2 and worth is majority):  # of two answers that differ one is picked at random
        return Pass(k, float(one.new_tasks.value or 0.0), one.these_tasks, one.new_tasks)
    values: NDArray[np.float64] = np.array([worth(counts, k) for counts in tasks])
    mean = float(values.mean())
    if all(sum(counts) == k for counts in tasks):
        like = _mean([[value] for value in values], level, clusters).new_tasks
    else:
        rarer = 1 - values if mean > 0.5 else values
        like = share(np.stack([values, np.ones(len(values))], axis=1), level, clusters, rarer)
    return Pass(k, mean, _these(tasks, k, worth, mean, level), _beside(like, one.new_tasks, worth))


def _mean(values: Sequence[Sequence[float]], level: float, clusters: Clusters) -> ArmMean:
    """Of the values of each task."""
    of: dict[int, Any] | None = None if clusters is None else dict(enumerate(list(np.asarray(clusters))))
    rows = [(task, value) for task, some in enumerate(values) for value in some]
    return arm_mean([value for _, value in rows], [task for task, _ in rows], of, level=level)


def _beside(like: Estimate, one: Estimate, worth: Worth) -> Estimate:
    """Limits that know those of one try: pass@k is worth no less, and pass^k no more."""
    if worth not in (one_right, all_right) or one.low is None or one.high is None:
        return like
    low, high = (0.0 if like.low is None else like.low, 1.0 if like.high is None else like.high)
    low, high = (max(low, one.low), high) if worth is one_right else (low, min(high, one.high))
    return replace(like, low=low, high=high, notes=())


def _these(tasks: Sequence[Counts], k: int, worth: Worth, mean: float, level: float) -> Estimate:
    """`logit(mean) ± t se / (mean (1 - mean))`, turned back."""
    count, fewest = len(tasks), min(sum(counts) for counts in tasks)
    if fewest < max(2, DRAWS_PER_TRY * k):
        reason = f"it needs {DRAWS_PER_TRY * k} draws of each task, and a task has {fewest}"
        return Estimate(mean, n=count, notes=(f"no interval for these tasks: {reason}",))
    v = np.array([_variance(counts, k, worth) for counts in tasks])
    if v.sum() <= 0 or not END < mean < 1 - END:
        return Estimate(
            mean, n=count, notes=("no interval for these tasks: within every task, all draws are the same",)
        )
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


def _with(ways: list[list[int]], subsets: list[int], most: int, size: int) -> list[list[int]]:
    """The ways with one more answer, of which at most `most` are taken; `subsets` says in how many ways, by number."""
    extended = [[0] * (size + 1) for _ in range(len(ways) + 1)]
    for t, row in enumerate(ways):
        for s, old in enumerate(row):
            for taken, some in enumerate(subsets[: min(most, size - s) + 1] if old else ()):
                extended[t + (taken == most)][s + taken] += old * some
    return extended


def _draws(counts: Counts, k: int) -> int:
    n = sum(counts)
    if not counts or min(counts) < 0 or not 1 <= k <= n:
        raise ValueError(f"{k} of {n} draws: k is at least 1 and at most the number of draws; counts are 0 or more")
    return n
