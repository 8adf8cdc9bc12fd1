"""The mean over rows and columns that are both drawn: its variance by hand, and how often its interval covers."""

import numpy as np
import pytest

from agentlab.stats.crossed import crossed_mean


def crossed(table: np.ndarray) -> tuple[list[float], list[int], list[int]]:
    rows, columns = np.indices(table.shape)
    return table.ravel().tolist(), rows.ravel().tolist(), columns.ravel().tolist()


def test_the_variance_is_that_of_rows_and_columns_less_that_of_cells() -> None:
    rng = np.random.default_rng(1)
    table = np.clip(0.5 + rng.normal(0, 0.1, (8, 1)) + rng.normal(0, 0.1, (1, 7)) + rng.normal(0, 0.05, (8, 7)), 0, 1)
    found = crossed_mean(*crossed(table))
    e = table - table.mean()
    by_row, by_column = 8 / 7 * (e.sum(1) ** 2).sum(), 7 / 6 * (e.sum(0) ** 2).sum()
    assert found.value == pytest.approx(table.mean())
    assert found.se is not None
    assert found.se**2 == pytest.approx((by_row + by_column - 56 / 55 * (e**2).sum()) / 56**2)
    assert found.df == 6


def test_repeats_count_by_the_mean_of_their_cell() -> None:
    values, rows, columns = crossed(np.arange(36).reshape(6, 6) / 36)
    once, twice = crossed_mean(values, rows, columns), crossed_mean(values * 2, rows * 2, columns * 2)
    assert (once.value, once.low, once.high) == pytest.approx((twice.value, twice.low, twice.high))


@pytest.mark.parametrize(("shape", "note"), [((5, 9), "under 6"), ((9, 5), "under 6")])
def test_few_rows_or_columns_have_no_interval(shape: tuple[int, int], note: str) -> None:
    found = crossed_mean(*crossed(np.random.default_rng(2).random(shape)))
    assert (found.low, found.notes[0][: len(note)]) == (None, note)


def test_all_at_one_end_are_worth_as_many_answers_as_the_fewer_of_both() -> None:
    found = crossed_mean(*crossed(np.zeros((12, 7))))
    assert (found.low, found.high) == (0, pytest.approx(1 - 0.025 ** (1 / 7)))


@pytest.mark.slow
def test_it_covers_the_mean_of_new_rows_and_columns() -> None:
    """Answers by a random effect of row and column, on the scale of probabilities; 2,000 experiments."""
    rng, hits = np.random.default_rng(3), 0
    for _ in range(2000):
        p = np.clip(0.5 + rng.uniform(-0.2, 0.2, (12, 1)) + rng.uniform(-0.25, 0.25, (1, 8)), 0, 1)
        found = crossed_mean(*crossed((rng.random((12, 8)) < p).astype(float)))
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= 0.5 <= found.high
    assert hits / 2000 >= 0.925


def test_rows_of_one_cluster_count_as_one_row() -> None:
    """A table with every row twice is worth no more than the table itself when both rows are one cluster."""
    rng = np.random.default_rng(4)
    table = np.clip(0.5 + rng.normal(0, 0.2, (8, 1)) + rng.normal(0, 0.05, (8, 7)), 0, 1)
    alone = crossed_mean(*crossed(table))
    twice = crossed(np.repeat(table, 2, axis=0))
    together = crossed_mean(*twice, clusters={row: row // 2 for row in range(16)})
    apart = crossed_mean(*twice)
    assert apart.se is not None
    assert alone.se is not None
    assert (together.value, together.se, together.n) == (pytest.approx(alone.value), pytest.approx(alone.se), alone.n)
    assert apart.se < alone.se
    assert crossed_mean(*twice, clusters={row: row // 4 for row in range(16)}).low is None
