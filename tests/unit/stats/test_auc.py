"""The area under the ROC curve of few texts."""

import math
from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlab.judges.gate import gate
from agentlab.stats.judges.auc import auc, limits

FEW = st.lists(st.integers(0, 3).map(float), min_size=1, max_size=5)


def test_pairs_are_of_one_family_and_ties_count_half() -> None:
    assert auc([([3.0, 1.0], [2.0]), ([9.0], [9.0 + 1e-12])]) == 0.5
    assert auc([([1.0], []), ([], [])]) is None


@given(FEW, FEW)
def test_the_limits_hold_the_area_and_mirror_it(good: list[float], bad: list[float]) -> None:
    area = auc([(good, bad)])
    assert area is not None
    low, high = limits(area, [(len(good), len(bad))])
    assert 0 <= low <= area <= high <= 1
    assert limits(1 - area, [(len(good), len(bad))]) == pytest.approx((1 - high, 1 - low))


def test_the_limits_solve_newcombes_equation() -> None:
    for area in (0.6, 0.8, 0.95):
        for theta in limits(area, [(7, 5)]):
            n = (7 + 5) / 2
            variance = theta * (1 - theta) * (2 * n - 1 - (3 * n - 3) / ((2 - theta) * (1 + theta))) / 35
            assert abs(area - theta) == pytest.approx(1.959964 * math.sqrt(variance), rel=1e-5)
    with pytest.raises(ValueError, match="at least one pair"):
        limits(0.5, [(3, 0)])


def test_families_add_up() -> None:
    assert limits(0.8, [(4, 4), (4, 4)])[0] > limits(0.8, [(4, 4)])[0]
    assert limits(0.8, [(4, 4), (3, 0)]) == limits(0.8, [(4, 4)])


@pytest.mark.parametrize(("good", "bad"), [(2, 2), (3, 3), (4, 4), (3, 5), (2, 6), (6, 6)])
def test_a_judge_that_guesses_passes_in_one_case_of_twenty_at_most(good: int, bad: int) -> None:
    every = list(combinations(range(good + bad), good))  # under the null each set of ranks is as likely
    areas = Counter((sum(ranks) - good * (good - 1) / 2) / (good * bad) for ranks in every)
    passed = [many for area, many in areas.items() if gate(area, [(good, bad)]).outcome == "passed"]
    assert sum(passed) <= len(every) / 20
