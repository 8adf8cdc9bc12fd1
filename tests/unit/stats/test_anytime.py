"""Intervals that hold at every look."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from agentlab.stats.contrasts.anytime import LEAST, anytime_p, boundary, level

SHARES = st.floats(0.05, 5)


def test_the_boundary_is_the_line_of_robbins_and_siegmund() -> None:
    for t in (0.1, 0.5, 1.0, 3.0):
        line = boundary(t) * math.sqrt(t)  # of Brownian motion at t
        a = b = math.sqrt(math.log(2 / 0.05) / 2)
        assert line == pytest.approx(a + b * t)
        assert 2 * math.exp(-2 * a * b) == pytest.approx(0.05)
    assert boundary(1.0) == pytest.approx(2.716, abs=5e-4)
    assert min(boundary(t) for t in np.linspace(0.2, 3, 57)) == pytest.approx(boundary(1.0))


@given(SHARES, st.floats(0.001, 0.5))
def test_p_and_level_reject_alike(t: float, alpha: float) -> None:
    at = level(t, alpha)
    if at > LEAST:
        assert anytime_p(at, t) == pytest.approx(alpha, rel=1e-6)


@given(SHARES, st.floats(0, 1), st.floats(0, 1))
def test_p_rises_with_the_p_of_the_look_and_is_never_below_it(t: float, p: float, q: float) -> None:
    assert anytime_p(min(p, q), t) <= anytime_p(max(p, q), t) <= 1
    assert anytime_p(p, t) >= p * (1 - 1e-9)


def test_out_of_range() -> None:
    with pytest.raises(ValueError, match="share 0"):
        boundary(0)
    with pytest.raises(ValueError, match="share 0"):
        anytime_p(0.5, 0)
    assert level(1e-4) == LEAST


@pytest.mark.parametrize("slope", [0.0, 0.5])
def test_looking_after_every_draw_gives_no_more_than_five_false_alarms_in_a_hundred(slope: float) -> None:
    """Ten tasks, twenty draws, no effect: bench/looks.py plays other sizes and values."""
    rng = np.random.default_rng(5)
    experiments, tasks, draws = 1500, 10, 20
    values = rng.normal(size=(experiments, tasks, draws)) + slope * rng.normal(size=(experiments, tasks, 1))
    means = np.cumsum(values, axis=2) / np.arange(1, draws + 1)
    t = means.mean(axis=1) / means.std(axis=1, ddof=1) * math.sqrt(tasks)
    p: NDArray[np.float64] = 2 * np.asarray(stats.t.sf(np.abs(t), tasks - 1), dtype=np.float64)
    limits = np.array([level(draw / draws) for draw in range(1, draws + 1)])
    assert (p <= 0.05).any(axis=1).mean() > (0.15 if slope == 0 else 0.07), "without it there are many more"
    assert (p <= limits).any(axis=1).mean() < 0.045
