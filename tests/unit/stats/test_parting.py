"""The band by which proxy and truth part: known answers, clusters, and its errors on simulated loops."""

import numpy as np
import pytest
from scipy import stats

from agentlab.stats.parting import parting


def test_one_generation_is_a_one_sided_t_interval() -> None:
    gaps = np.array([0.1, 0.3, 0.0, 0.2, 0.4, 0.1, 0.3, 0.2])
    proxy = np.column_stack([np.zeros(8), gaps])
    found = parting(proxy, np.zeros((8, 2)))
    low = gaps.mean() - stats.t.ppf(0.95, 7) * gaps.std(ddof=1) / 8**0.5
    assert found.gaps[0].difference == pytest.approx(gaps.mean())
    assert found.gaps[0].low == pytest.approx(low, abs=0.01)
    assert found.by == 1


def test_the_first_generation_whose_limit_is_above_zero_is_told() -> None:
    dice = np.random.default_rng(1)
    noise = dice.normal(0, 0.05, (40, 4))
    proxy = np.array([0.0, 0.0, 0.3, 0.5]) + noise
    found = parting(proxy, np.zeros((40, 4)))
    assert found.by == 2
    assert [gap.generation for gap in found.gaps] == [1, 2, 3]


def test_tasks_that_share_a_source_count_once() -> None:
    dice = np.random.default_rng(2)
    per_cluster = np.column_stack([np.zeros(10), dice.normal(0.1, 0.2, 10)])
    apart, together = (
        parting(np.repeat(per_cluster, 5, axis=0), np.zeros((50, 2)), clusters)
        for clusters in (None, [i // 5 for i in range(50)])
    )
    alone = parting(per_cluster, np.zeros((10, 2)))
    assert together.gaps[0].low == pytest.approx(alone.gaps[0].low)
    assert (apart.gaps[0].low or 0) > (together.gaps[0].low or 0)


def test_a_limit_is_a_gap_that_there_can_be() -> None:
    proxy = np.column_stack([[1, 1, 1, 1, 1, 0], [0, 0, 0, 0, 0, 1]])
    free, limited = (parting(proxy, proxy[:, ::-1], most=most).gaps[0].low for most in (np.inf, 2))
    assert free is not None
    assert free < -2
    assert limited == -2


def test_few_tasks_have_no_band() -> None:
    found = parting(np.ones((5, 2)) * [0, 1], np.zeros((5, 2)))
    assert (found.by, found.gaps[0].low) == (None, None)
    assert "at least 6" in found.note


def test_missing_values_and_other_shapes_are_refused() -> None:
    for proxy in (np.ones((8, 3)), np.full((8, 2), np.nan), np.ones(8)):
        with pytest.raises(ValueError, match=r"shape|missing"):
            parting(proxy, np.ones((8, 2)))
