"""Limits of the variance of right-or-wrong scores, against closed forms and simulation."""

import numpy as np
import pytest
from scipy import stats

from agentlab.stats.arm_mean import arm_mean
from agentlab.stats.components.two_values import TwoValued, two_valued


def scores(right: list[int], draws: int) -> tuple[list[int], list[float]]:
    tasks = [task for task in range(len(right)) for _ in range(draws)]
    return tasks, [float(i < count) for count in right for i in range(draws)]


def limits(right: list[int], draws: int) -> TwoValued:
    found = two_valued(*scores(right, draws), (0.0, 1.0))
    assert found is not None
    return found


def test_tasks_that_happen_to_vary_alike_are_worth_no_more_than_their_pairs() -> None:
    """All of 8 tasks are right in 1 or 3 of 4 draws, so half of 48 pairs differ: 24 of 48 by Clopper and Pearson."""
    found = limits([3, 1, 3, 3, 1, 3, 1, 3], 4)
    exact = stats.binomtest(24, 48).proportion_ci(0.95, "exact")
    assert found.draw == pytest.approx((exact.low / 2, exact.high / 2))


def test_where_no_draws_differ_each_task_says_one_thing() -> None:
    assert limits([4, 4, 0, 0, 4, 0], 4).draw == pytest.approx((0, (1 - 0.025 ** (1 / 6)) / 2))


def test_the_variance_in_all_is_that_of_the_mean() -> None:
    right = [4, 3, 4, 2, 4, 4, 3, 4]
    tasks, values = scores(right, 4)
    mean = arm_mean(values, tasks).new_tasks
    assert mean.low is not None
    assert mean.high is not None
    assert mean.low > 0.5
    assert limits(right, 4).total == pytest.approx((mean.high * (1 - mean.high), mean.low * (1 - mean.low)))
    assert limits([3, 1, 2, 2, 4, 0], 4).total[1] == 0.25


def test_the_range_is_the_unit() -> None:
    tasks, values = scores([3, 1, 2, 2, 4, 0], 4)
    wide = two_valued(tasks, [10 * value for value in values], (10.0, 0.0))
    assert wide is not None
    assert wide.draw == pytest.approx(np.multiply(100, limits([3, 1, 2, 2, 4, 0], 4).draw))


def test_clusters_are_what_is_drawn() -> None:
    right = [3, 1, 2, 2, 4, 0]
    twice = two_valued(
        *scores([*right, *right], 4), (0.0, 1.0), [u for _ in range(2) for u in range(6) for _ in "four"]
    )
    assert twice is not None
    assert twice.draw[1] - twice.draw[0] > 0.9 * np.diff(limits(right, 4).draw)[0]


@pytest.mark.parametrize(("right", "value"), [([1] * 5, None), ([1] * 6, 0.5)])
def test_five_tasks_and_scores_between_are_something_else(right: list[int], value: float | None) -> None:
    tasks, values = scores(right, 4)
    assert two_valued(tasks, values if value is None else [value, *values[1:]], (0.0, 1.0)) is None


@pytest.mark.parametrize("tasks", [8, 30])
def test_four_draws_are_covered(tasks: int) -> None:
    """Right in .6 of draws: leaving out one task at a time covers .24 in 74 % with 8 tasks, and the whole in 82 %."""
    rng, hits = np.random.default_rng(tasks), np.zeros(2)
    for _ in range(300):
        found = limits(rng.binomial(4, 0.6, tasks).tolist(), 4)
        hits += [low <= 0.24 <= high for low, high in (found.draw, found.total)]
    assert (hits / 300).min() >= 0.93
