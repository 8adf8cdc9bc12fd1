"""Frontiers against enumeration, the traps of unequal numbers and of noisy choices, and dominance by hand."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlab.stats.frontier import TaskScores, attained, dominance, on_frontier

unit = st.floats(0, 1, width=32)
rollout = st.tuples(unit, unit, unit, unit)


def task(rows: object) -> TaskScores:
    values = np.asarray(rows, dtype=np.float64)
    return TaskScores(values[:, :2], values[:, 2:])


def best(one: TaskScores, threshold: float, floor: float, size: int) -> float:
    """The mean over all subsets of the y of whom one half of the draws chooses, by the other half."""
    found: list[float] = []
    for chosen, placed in ((0, 1), (1, 0)):
        for subset in combinations(range(len(one.x)), size):
            able = [i for i in subset if one.x[i, chosen] >= threshold]
            top = max((one.y[i, chosen] for i in able), default=None)
            best = [float(one.y[i, placed]) for i in able if one.y[i, chosen] == top]
            found.append(sum(best) / len(best) if best else floor)
    return float(np.mean(found))


@given(st.lists(rollout, min_size=1, max_size=6), st.integers(1, 6), unit)
def test_every_subset_counts_once(rows: list[tuple[float, ...]], size: int, threshold: float) -> None:
    one = task(rows)
    if size > len(rows):
        with pytest.raises(ValueError, match=f"a frontier of {size} rollouts, but a task has {len(rows)}"):
            attained([one], [threshold], 0, size)
        return
    assert attained([one], [threshold], 0, size).value[0] == pytest.approx(best(one, threshold, 0, size), abs=1e-9)


def test_more_rollouts_attain_more_so_unequal_numbers_are_refused() -> None:
    rng = np.random.default_rng(1)
    small, large = task(rng.uniform(size=(5, 4))), task(rng.uniform(size=(9, 4)))
    whole = task(np.repeat(rng.uniform(size=(9, 2)), 2, axis=1))
    assert attained([whole], [0.0], 0, 9).value[0] > attained([whole], [0.0], 0, 5).value[0]
    with pytest.raises(ValueError, match="take at most as many for every arm"):
        attained([small, large], [0.0], 0, 9)


def test_a_choice_by_noise_earns_nothing() -> None:
    rng = np.random.default_rng(2)
    tasks = [TaskScores(np.ones((8, 2)), rng.normal(size=(8, 2))) for _ in range(400)]
    honest = attained(tasks, [0.0], -9, 8).value[0]
    same = [TaskScores(one.x, one.y[:, [0, 0]]) for one in tasks]
    assert abs(honest) < 4 / 800**0.5
    assert attained(same, [0.0], -9, 8).value[0] == pytest.approx(1.42, abs=0.1)  # the mean of the best of eight


def test_who_is_chosen_by_a_lucky_x_is_placed_where_the_other_half_has_it() -> None:
    rng = np.random.default_rng(5)
    true = rng.normal(0.5, 0.1, (300, 8, 1))
    noisy = [TaskScores(x + rng.normal(0, 0.1, (8, 2)), np.repeat(1 - x, 2, axis=1)) for x in true]
    exact = [TaskScores(np.repeat(x, 2, axis=1), np.repeat(1 - x, 2, axis=1)) for x in true]
    found, known = attained(noisy, [0.65, 2.0], 0, 8), attained(exact, [0.65], 0, 8)
    assert known.placed[0] > 0.65
    assert found.placed[0] < 0.6
    assert found.value[0] > 1.5 * known.value[0]
    assert found.value[0] / found.reached[0] == pytest.approx(1 - found.placed[0], abs=0.01)
    assert np.isnan(found.placed[1])


def test_what_nobody_reaches_counts_as_the_floor() -> None:
    found = attained([task([[0.2, 0.2, 0.9, 0.9], [0.6, 0.6, 0.4, 0.4]])], [0.1, 0.5, 0.7], 0.05, 1)
    assert found.value == pytest.approx([0.65, 0.225, 0.05])
    assert found.reached == pytest.approx([1, 0.5, 0])
    assert np.isnan(found.low).all()


def test_the_band_holds_at_all_thresholds_at_once() -> None:
    rng, hits, at = np.random.default_rng(4), 0, np.array([0.0, 0.3, 0.6])

    def sample(tasks: int) -> list[TaskScores]:
        own = rng.normal(0.5, 0.1, size=(tasks, 1, 1))
        return [TaskScores(rng.uniform(size=(3, 1)).repeat(2, 1), o + rng.normal(0, 0.1, size=(3, 2))) for o in own]

    truth = attained(sample(1500), at, 0, 2).value
    for _ in range(200):
        found = attained(sample(8), at, 0, 2)
        hits += bool(((found.low <= truth) & (truth <= found.high)).all())
    assert hits / 200 >= 0.9


def test_dominance_by_hand() -> None:
    a, b = [[1, 1], [0, 2]], [[1, 0], [2, 2]]
    # (1,1) over (1,0); (2,2) over (1,1) and (0,2); (0,2) and (1,0) are neither
    found = dominance([a], [b])
    assert (found.first, found.second, found.first_means) == (0.25, 0.5, None)


def test_the_probability_of_means_follows_the_gap() -> None:
    rng = np.random.default_rng(6)
    task_s = rng.normal(size=(10, 1, 2))
    a, b = task_s + rng.normal(0, 0.1, size=(10, 4, 2)), task_s + rng.normal(0, 0.1, size=(10, 4, 2))
    apart = dominance([*(a + 0.5)], [*b])
    assert apart.first_means == pytest.approx(1, abs=1e-4)
    assert apart.second_means == pytest.approx(0, abs=1e-4)
    alike = dominance([*a], [*b])
    assert alike.first_means is not None
    assert alike.second_means is not None
    assert 0.001 < alike.first_means + alike.second_means < 0.999


def test_who_is_on_the_frontier() -> None:
    rng = np.random.default_rng(7)
    centre = np.array([[0.0, 1.0], [1.0, 0.0], [-0.5, 0.5], [0.0, 1.0]])  # the third is dominated; first and last tie
    found = on_frontier(centre + rng.normal(0, 0.02, size=(8, 4, 2)), np.random.default_rng(0))
    assert found is not None
    assert found[1] == 1
    assert found[2] == 0
    assert 0.02 < found[0] < 1
    assert on_frontier(np.zeros((5, 2, 2)), np.random.default_rng(0)) is None


def test_missing_values_are_refused() -> None:
    holed = [[0.1, float("nan")]]
    with pytest.raises(ValueError, match="exclude the rollout"):
        dominance([holed], [[[0, 0]]])
    with pytest.raises(ValueError, match="exclude the rollout"):
        attained([TaskScores(np.array(holed), np.array(holed))], [0.0], 0, 1)
    with pytest.raises(ValueError, match="a rollout of both arms"):
        dominance([np.zeros((0, 2))], [[[0, 0]]])
