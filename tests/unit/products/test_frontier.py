"""Frontiers of single cases and of their means, against every choice of points."""

from itertools import pairwise, product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentlab.products.frontier import hull, mean_frontier

point = st.tuples(st.integers(0, 8).map(lambda x: x / 8), st.integers(0, 8).map(lambda x: x / 8))
cases = st.lists(st.lists(point, min_size=1, max_size=5), min_size=1, max_size=3)


def height(corners: list[tuple[float, float]], harm: float) -> float:
    """The frontier at this harm; it goes on flat at its end."""
    if harm >= corners[-1][0]:
        return corners[-1][1]
    (x0, y0), (x1, y1) = next((a, b) for a, b in pairwise(corners) if a[0] <= harm <= b[0])
    return y0 + (y1 - y0) * (harm - x0) / (x1 - x0)


@settings(max_examples=40)
@given(cases)
def test_no_choice_of_points_beats_the_frontier_of_means_and_every_corner_is_one(points: list[Any]) -> None:
    corners = mean_frontier(points)
    means = [tuple(sum(axis) / len(points) for axis in zip(*one, strict=True)) for one in product(*points)]
    for harm, utility in means:
        assert harm >= corners[0][0] - 1e-12
        assert utility <= height(corners, harm) + 1e-12
    for corner in corners:
        assert any(corner == pytest.approx(mean) for mean in means)


@given(st.lists(point, min_size=1, max_size=9))
def test_a_hull_rises_ever_less(points: list[Any]) -> None:
    corners = hull(points)
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(corners)]
    assert all(slope > 0 for slope in slopes)
    assert slopes == sorted(slopes, reverse=True)
    assert corners[-1][1] == max(utility for _, utility in points)


def test_a_case_without_points_leaves_no_frontier() -> None:
    assert mean_frontier([[(0.0, 1.0)], []]) == []
    assert mean_frontier([]) == []
