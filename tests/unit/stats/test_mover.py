"""Limits of a difference recovered from those of its terms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from agentlab.stats.mover import difference, p_value


def wilson(hits: int, of: int) -> tuple[float, float, float]:
    ends = stats.binomtest(hits, of).proportion_ci(method="wilson")
    return hits / of, float(ends.low), float(ends.high)


def test_published_limits_of_two_proportions() -> None:
    """Newcombe (1998, Stat. Med. 17, 873-890), table II, contrast (a), method 10."""
    found = difference(wilson(56, 70), wilson(48, 80))
    assert found == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_symmetric_limits_add_up_as_variances_do() -> None:
    assert difference((5, 2, 8), (1, -3, 5)) == pytest.approx((4 - 5, 4 + 5))
    assert difference((5, 2, 8), (1, -3, 5), 0.5) == pytest.approx((4 - 13**0.5, 4 + 13**0.5))
    assert difference((5, 2, 8), (1, -2, 4), 1.0) == (4, 4)


@given(st.floats(-3, 3), st.floats(0.1, 5))
def test_p_is_that_of_the_test_whose_interval_it_is(gap: float, se: float) -> None:
    def limits(level: float) -> tuple[float, float]:
        margin = float(stats.norm.ppf((1 + level) / 2)) * se
        return gap - margin, gap + margin

    assert p_value(limits) == pytest.approx(2 * float(stats.norm.sf(abs(gap) / se)), abs=1e-6)
