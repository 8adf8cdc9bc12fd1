"""Arms that were each made several times."""

import pytest
from scipy import stats

from agentlab.stats.contrasts.replicated import independent, matched


def test_independent_is_welch() -> None:
    a, b = [0.5, 0.7, 0.4, 0.9], [0.2, 0.25]
    found = independent(a, b)
    known = stats.ttest_ind(a, b, equal_var=False)
    assert found is not None
    assert (found.p, found.df) == (pytest.approx(known.pvalue), pytest.approx(known.df))
    assert found.low == pytest.approx(known.confidence_interval(0.95).low)


def test_matched_is_the_t_of_differences() -> None:
    found = matched([0.1, 0.3, 0.2])
    assert found is not None
    assert found.p == pytest.approx(stats.ttest_1samp([0.1, 0.3, 0.2], 0).pvalue)


def test_no_interval_of_one_loop_or_of_loops_that_are_alike() -> None:
    assert independent([0.5], [0.2, 0.3]) is None
    assert independent([0.5, 0.5], [0.2, 0.2]) is None
    assert matched([0.1]) is None
    assert matched([0.1, 0.1]) is None


def test_limits_are_possible_differences() -> None:
    found = independent([0.2, 0.9], [0.1, 0.8], most=1.0)
    assert found is not None
    assert (found.low, found.high) == (-1.0, 1.0)
