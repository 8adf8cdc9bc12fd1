"""What k tries are worth, against enumeration, published numbers and simulation."""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlab.stats.arm_mean import arm_mean
from agentlab.stats.estimate import Estimate
from agentlab.stats.jackknife import ALIKE
from agentlab.stats.passes import Worth, all_right, majority, one_right, passes

small = st.lists(st.integers(0, 4), min_size=1, max_size=4).filter(lambda counts: 1 <= sum(counts) <= 9)


def answers(counts: Sequence[int]) -> list[int]:
    return [answer for answer, count in enumerate(counts) for _ in range(count)]


def led(subset: Sequence[int]) -> float:
    """Chance that answer 0 is picked as the most frequent."""
    found = Counter(subset)
    best = max(found.values())
    return (found[0] == best) / sum(count == best for count in found.values())


def test_published_numbers() -> None:
    assert one_right([3, 7], 4) == pytest.approx(0.8333, abs=5e-5)
    assert one_right([0, 5], 3) == 0
    assert one_right([5, 0], 3) == all_right([5, 0], 3) == majority([5, 0], 3) == 1
    assert all_right([3, 7], 2) == pytest.approx(3 / 45)


@given(small, st.integers(1, 9))
def test_every_subset_counts_once(counts: list[int], k: int) -> None:
    given_ = answers(counts)
    if k > len(given_):
        with pytest.raises(ValueError, match=f"{k} of {len(given_)} draws"):
            majority(counts, k)
        return
    subsets = list(combinations(given_, k))
    assert one_right(counts, k) == pytest.approx(np.mean([0 in subset for subset in subsets]))
    assert all_right(counts, k) == pytest.approx(np.mean([set(subset) == {0} for subset in subsets]))
    assert majority(counts, k) == pytest.approx(np.mean([led(subset) for subset in subsets]))


@given(small)
def test_one_try_is_accuracy(counts: list[int]) -> None:
    share = pytest.approx(counts[0] / sum(counts))
    assert [worth(counts, 1) for worth in (one_right, all_right, majority)] == [share] * 3


def test_the_mean_over_samples_is_the_truth() -> None:
    rng, p = np.random.default_rng(3), np.array([0.4, 0.35, 0.25])
    drawn = rng.multinomial(12, p, size=4000)
    for worth, truth in ((one_right, 1 - 0.6**3), (all_right, 0.4**3), (majority, _majority_of_three(p))):
        found = [worth(counts.tolist(), 3) for counts in drawn]
        assert np.mean(found) == pytest.approx(truth, abs=4 * float(np.std(found)) / 4000**0.5)


def _majority_of_three(p: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    return sum(float(p[a] * p[b] * p[c]) * led((a, b, c)) for a in range(3) for b in range(3) for c in range(3))


@pytest.mark.parametrize(("k", "worth"), [(1, one_right), (1, all_right), (1, majority), (2, majority)])
def test_one_try_has_the_intervals_of_a_mean(k: int, worth: Worth) -> None:
    counts = [[8, 2], [5, 5], [1, 9], [7, 3], [4, 6], [6, 4]]
    found = passes(counts, k, worth)
    tasks = [task for task in range(6) for _ in range(10)]
    known = arm_mean([float(i < counts[task][0]) for task in range(6) for i in range(10)], tasks)
    assert found.value == pytest.approx(31 / 60)
    assert (found.these_tasks, found.new_tasks) == (known.these_tasks, known.new_tasks)
    in_pairs = passes(counts, k, worth, clusters=[0, 0, 1, 1, 2, 2])
    assert in_pairs.new_tasks.low is None


def test_with_as_many_tries_as_draws_tasks_are_counted() -> None:
    """Of 8 tasks, 6 succeed: Clopper and Pearson have .3491 to .9681."""
    exact = passes([[1, 1]] * 6 + [[0, 2]] * 2, 2, one_right).new_tasks
    assert exact.low is not None
    assert exact.low <= 0.3491
    all_succeed = passes([[1, 3]] * 8, 4, one_right).new_tasks
    assert [all_succeed.low, all_succeed.high] == pytest.approx([0.025 ** (1 / 8), 1])


def test_more_tries_are_worth_no_less_than_one_and_all_of_them_no_more() -> None:
    counts = [[3, 1], [3, 1], [1, 3], [3, 1], [2, 2], [3, 1], [3, 1], [1, 3]]
    one = passes(counts, 1, one_right).new_tasks
    at, whole = (passes(counts, 2, worth).new_tasks for worth in (one_right, all_right))
    assert at.low == one.low
    assert whole.high is not None
    assert one.high is not None
    assert whole.high <= one.high
    never_missed = passes([[3, 1]] * 8, 2, one_right).new_tasks
    assert never_missed.high == 1, "all tasks are alike, so only one try tells something"


def test_few_draws_are_covered() -> None:
    """8 tasks of 4 draws, accuracies of beta(2, 2); bench/coverage.py plays more."""
    rng, truths = np.random.default_rng(8), {1: (0.5, 0.5), 2: (0.7, 0.3), 4: (6 / 7, 1 / 7)}
    hits: list[bool] = []
    for _ in range(150):
        counts = [[int(c), 4 - int(c)] for c in rng.binomial(4, rng.beta(2, 2, 8))]
        for k, (at, whole) in truths.items():
            hits += [covers(passes(counts, k, one_right).new_tasks, at)]
            hits += [covers(passes(counts, k, all_right).new_tasks, whole)]
    assert np.mean(np.reshape(hits, (150, 6)), axis=0).min() >= 0.92


def test_these_tasks_are_covered() -> None:
    rng, p = np.random.default_rng(5), np.linspace(0.1, 0.8, 8)
    truth = float((1 - (1 - p) ** 3).mean())
    found = [passes([[int(c), 16 - int(c)] for c in rng.binomial(16, p)], 3, one_right) for _ in range(300)]
    assert 0.91 <= np.mean([covers(one.these_tasks, truth) for one in found]) <= 0.99


@pytest.mark.parametrize(("worth", "truth"), [(one_right, 0.9590), (all_right, 0.4512)])
def test_new_tasks_are_covered_where_values_pile_up_at_an_end(worth: Worth, truth: float) -> None:
    """Accuracies of beta(1.5, .5); the plain t interval of pass@5 covers 76 %. bench/coverage.py plays 2,000."""
    rng = np.random.default_rng(6)
    found = [
        passes([[int(c), 15 - int(c)] for c in rng.binomial(15, rng.beta(1.5, 0.5, 10))], 5, worth) for _ in range(300)
    ]
    shown = [one.new_tasks for one in found if one.new_tasks.low is not None]
    assert len(shown) > 200
    assert np.mean([covers(one, truth) for one in shown]) >= 0.93


def covers(interval: Estimate, truth: float) -> bool:
    assert interval.low is not None
    assert interval.high is not None
    return interval.low <= truth <= interval.high


def test_clusters_of_tasks_are_what_is_drawn() -> None:
    counts = [[8, 2], [5, 5], [1, 9], [7, 3], [4, 6], [6, 4]]
    one, twice = passes(counts, 2, one_right), passes([*counts, *counts], 2, one_right, clusters=[*range(6)] * 2)
    assert (twice.new_tasks.low, twice.new_tasks.n) == (pytest.approx(one.new_tasks.low), 6)


@pytest.mark.parametrize(
    ("tasks", "k", "note"),
    [
        ([[2, 2]] * 6, 4, "it needs 20 draws of each task, and a task has 4"),
        ([[10, 0]] * 6, 2, "all draws are the same"),
        ([[3, 1], [2, 2]], 2, "2 tasks: too few for conclusions about new tasks"),
    ],
)
def test_a_missing_interval_has_a_reason(tasks: list[list[int]], k: int, note: str) -> None:
    assert any(note in one for one in passes(tasks, k, one_right).notes)


def test_a_vote_in_which_all_tasks_are_alike_has_no_interval() -> None:
    assert ALIKE in passes([[4, 1]] * 6, 3, majority).notes


def test_nothing_is_made_up() -> None:
    with pytest.raises(ValueError, match="no task"):
        passes([], 1, one_right)
    with pytest.raises(ValueError, match="0 or more"):
        one_right([-1, 3], 1)
