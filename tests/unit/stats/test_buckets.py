"""Groups of tasks by length: equal sizes, sums by hand, slopes that were planted, and what has none."""

import numpy as np
import pytest

from agentlab.stats.incoherence.buckets import buckets, slopes
from agentlab.stats.incoherence.decompose import Decomposition


def parts(variance: object, error: object) -> Decomposition:
    v, e = np.asarray(variance, dtype=np.float64), np.asarray(error, dtype=np.float64)
    return Decomposition("brier", e, e - v, v, np.full(len(v), 30), np.zeros(len(v)), "unbiased")


def test_sums_within_equal_groups() -> None:
    found = buckets([5, 1, 3, 2, 4], parts([0.5, 0.1, 0.3, 0.2, 0.4], np.ones(5)), 2)
    assert [one.tasks for one in found] == [3, 2]
    assert [(one.shortest, one.longest, one.length) for one in found] == [(1, 3, 2), (4, 5, 4.5)]
    assert [one.incoherence.value for one in found] == pytest.approx([0.2, 0.45])
    assert [one.bias2 for one in found] == pytest.approx([0.8, 0.55])


def test_a_power_law_is_found() -> None:
    rng = np.random.default_rng(1)
    lengths = np.exp(rng.uniform(3, 7, 400))
    share = 0.02 * lengths**0.4
    found = slopes(lengths, parts(share * rng.uniform(0.9, 1.1, 400), np.ones(400)))
    assert found.logarithm.value == pytest.approx(0.4, abs=0.03)
    assert found.logarithm.low is not None
    assert found.logarithm.high is not None
    assert found.logarithm.low < 0.4 < found.logarithm.high
    assert found.logit.value is not None
    assert found.logit.value > 0.4  # steeper, since logits stretch towards 1


def test_what_has_no_slope_has_a_note() -> None:
    found = slopes(np.arange(1.0, 13), parts(np.zeros(12), np.ones(12)))
    assert found.logarithm.value is None
    assert found.logarithm.notes


@pytest.mark.parametrize(
    ("lengths", "count", "why"),
    [
        ([1.0, 2.0], 3, "3 buckets of 2 tasks"),
        ([1.0, float("nan")], 2, "none missing"),
        ([1.0], 2, "one length a task"),
    ],
)
def test_refusals(lengths: list[float], count: int, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        buckets(lengths, parts([0.1, 0.2], [1, 1]), count)
    with pytest.raises(ValueError, match="a length of 0"):
        slopes([0.0, 1.0], parts([0.1, 0.2], [1, 1]), 2)
