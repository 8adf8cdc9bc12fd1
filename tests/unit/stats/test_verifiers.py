"""Tries until a verifier accepts: published values, enumeration of all orders, and the choice of when to stop."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlab.stats.verifiers import (
    Verified,
    best_tries,
    on_other_tasks,
    rewards,
    right_within,
    stopped,
    wrong_within,
)


@st.composite
def tasks(draw: st.DrawFn, most: int = 40) -> Verified:
    kinds = draw(st.lists(st.sampled_from([(0, 0), (0, 1), (1, 0), (1, 1)]), min_size=1, max_size=most))
    return of(kinds)


def of(kinds: list[tuple[int, int]]) -> Verified:
    """From pairs of accepted and right."""
    return Verified(len(kinds), sum(a for a, _ in kinds), sum(r for _, r in kinds), sum(a * r for a, r in kinds))


def test_the_closed_form_has_the_value_of_many_shuffles() -> None:
    """200 draws, 37 accepted, 25 of them right, 10 tries; 100,000 shuffles gave .593 and .285."""
    task = Verified(200, 37, 60, 25)
    assert right_within(task, 10) == pytest.approx(0.5928, abs=5e-5)
    assert wrong_within(task, 10) == pytest.approx(0.2846, abs=5e-5)


@pytest.mark.parametrize("kinds", [[(1, 1), (1, 0), (0, 1), (0, 0), (1, 1)], [(0, 1), (0, 0)], [(1, 0)]])
def test_every_order_of_the_draws_counts_once(kinds: list[tuple[int, int]]) -> None:
    orders = list(permutations(kinds))
    for tries in range(len(kinds) + 1):
        first = [next((right for accepted, right in order[:tries] if accepted), None) for order in orders]
        assert right_within(of(kinds), tries) == pytest.approx(first.count(1) / len(orders))
        assert wrong_within(of(kinds), tries) == pytest.approx(first.count(0) / len(orders))


@given(tasks())
def test_more_tries_approach_the_precision_from_below(task: Verified) -> None:
    right = [right_within(task, k) for k in range(task.draws + 1)]
    assert right == sorted(right)
    assert right[-1] == pytest.approx(task.precision or 0.0)
    assert stopped(task, 0) == 0
    assert stopped(task, 1) == pytest.approx(task.accepted / task.draws)


@given(st.lists(tasks(12), min_size=1, max_size=5), st.floats(0, 9))
def test_the_best_number_of_tries_is_the_best(several: list[Verified], penalty: float) -> None:
    most = min(task.draws for task in several)
    table = np.stack([rewards(task, penalty, most) for task in several])
    assert table.mean(axis=0)[best_tries(table)] == pytest.approx(table.mean(axis=0).max())
    if penalty == 0:
        assert table.mean(axis=0)[most] == pytest.approx(table.mean(axis=0).max())


@pytest.mark.parametrize(("penalty", "best"), [(0.7, 3), (1.0, 2), (2.0, 1)])
def test_easy_and_hard_tasks_stop_where_the_formula_says(penalty: float, best: int) -> None:
    """Easy tasks (58 %) are right in .87, hard ones in .13; every right draw and a quarter of the wrong are accepted.

    `K* = floor(1 + ln(-p2 g2 / (p1 g1)) / ln(b1 / b2))` with g the gain of a try and b its chance to be rejected.
    """
    draws = 100_000
    made = [(58, 0.87), (42, 0.13)]
    shares = [Verified(draws, round(draws * (r + (1 - r) / 4)), round(draws * r), round(draws * r)) for _, r in made]
    weighed = np.stack([n * rewards(task, penalty, 6) for (n, _), task in zip(made, shares, strict=True)])
    assert best_tries(weighed) == best


def test_the_number_of_tries_is_chosen_on_other_tasks() -> None:
    """Two tasks that gain by tries and one that loses: that one is not asked about itself."""
    table = np.array([[0.0, 0.4, 0.6], [0.0, 0.4, 0.6], [0.0, -1.0, -2.0]])
    assert best_tries(table) == 0
    assert on_other_tasks(table).tolist() == [0.0, 0.0, -2.0]
    assert on_other_tasks(table, [0, 0, 1]).tolist() == [0.0, 0.0, -2.0]
    with pytest.raises(ValueError, match="no other"):
        on_other_tasks(table, [1, 1, 1])


@pytest.mark.parametrize("counts", [(0, 0, 0, 0), (3, 4, 1, 1), (3, 1, 1, 2), (3, 2, 3, 1), (3, 1, 0, -1)])
def test_counts_that_contradict_each_other_are_refused(counts: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="no such draws"):
        Verified(*counts)


def test_more_tries_than_draws_are_refused() -> None:
    with pytest.raises(ValueError, match="give 0 to 3"):
        stopped(Verified(3, 1, 1, 1), 4)
