"""Drawing until an imperfect verifier accepts: how often the result is right, wrong or missing, and when to stop.

Source: Stroebl, Kapoor and Narayanan (2024, arXiv 2411.17501). Their curves are means over shuffled draws; here they
are exact. More tries cannot raise the share of accepted draws that are right, the verifier's precision on the task.
Where a wrong result costs something, that makes the best number of tries small, or zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np

from agentlab.stats.rows import Floats


@dataclass(frozen=True, slots=True)
class Verified:
    """The stored draws of one task. Raises ValueError for counts that contradict each other."""

    draws: int
    accepted: int
    """Draws that the verifier accepts."""
    right: int
    """Draws that are right."""
    accepted_right: int
    """Draws that are both."""

    def __post_init__(self) -> None:
        rejected_right = self.right - self.accepted_right
        if not (
            0 <= self.accepted_right <= self.accepted <= self.draws
            and 0 <= rejected_right <= self.draws - self.accepted
            and self.draws > 0
        ):
            raise ValueError(f"{self}: no such draws")

    @property
    def precision(self) -> float | None:
        """The share of accepted draws that are right: the ceiling of any number of tries. None if none is accepted."""
        return self.accepted_right / self.accepted if self.accepted else None


def stopped(task: Verified, tries: int) -> float:
    """The probability that one of the first `tries` draws is accepted: `1 - C(n - b, K) / C(n, K)`, b of n accepted.

    It is the mean over all orders of the draws, and unbiased for new draws. Raises ValueError unless 0 <= tries <= n.
    """
    if not 0 <= tries <= task.draws:
        raise ValueError(f"{tries} tries of {task.draws} draws: give 0 to {task.draws}")
    return 1 - comb(task.draws - task.accepted, tries) / comb(task.draws, tries)


def right_within(task: Verified, tries: int) -> float:
    """The probability that the first accepted of `tries` draws is right: `p / b` of `stopped`."""
    return (task.precision or 0.0) * stopped(task, tries)


def wrong_within(task: Verified, tries: int) -> float:
    """The probability that the first accepted of `tries` draws is wrong."""
    return stopped(task, tries) - right_within(task, tries)


def rewards(task: Verified, penalty: float, most: int) -> Floats:
    """What stopping at the first accepted draw is worth, shape (most + 1,), by the number of tries from 0.

    A right result is worth 1, a wrong one `-penalty`, and none 0.
    """
    return np.array([right_within(task, k) - penalty * wrong_within(task, k) for k in range(most + 1)])


def best_tries(rewards_tk: Floats) -> int:
    """The number of tries with the highest mean over tasks of `rewards_tk`, shape (tasks, tries + 1).

    Of equal ones the smallest.
    """
    means = [round(float(mean), 12) for mean in rewards_tk.mean(axis=0)]
    return means.index(max(means))


def on_other_tasks(rewards_tk: Floats, clusters_t: Sequence[int] | None = None) -> Floats:
    """Each task's reward, shape (tasks,), at the number of tries that is best on all other tasks, or clusters of them.

    The reward at `best_tries` of the same tasks is too high, since the best of several is partly luck. This one is not.
    Raises ValueError for fewer than two clusters.
    """
    codes = np.arange(len(rewards_tk)) if clusters_t is None else np.asarray(clusters_t)
    if len(np.unique(codes)) < 2:
        raise ValueError("with one task, there is no other task to choose the number of tries on")
    chosen = {code: best_tries(rewards_tk[codes != code]) for code in np.unique(codes)}
    return np.array([rewards_tk[t, chosen[code]] for t, code in enumerate(codes)])
