"""Arms whose draws are no pairs: by hand, against scipy, and how often a null is rejected."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from agentlab.stats.contrasts.paired import paired
from agentlab.stats.contrasts.unpaired import unpaired
from tests.support.numbers import close

NAN = float("nan")
unit = st.floats(0, 1, width=32)
Rows = list[tuple[int, float]]


def test_one_task_is_welchs_test() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=9), rng.normal(size=5) * 3
    found, known = unpaired((["t"] * 9, ["t"] * 5), (a, b)), stats.ttest_ind(a, b, equal_var=False)
    assert found.these_tasks is not None
    interval = known.confidence_interval()
    these = found.these_tasks
    close(
        [these.low, these.high, these.p, these.df],
        [float(interval.low), float(interval.high), float(known.pvalue), float(known.df)],
    )
    assert (found.pairs, found.dropped, found.tasks, found.correlation) == (0, 0, 1, None)


def test_strata_by_hand() -> None:
    # x: means 2 and 0, variances 2/2 and 2/2; y: 1 and 4, 2/2 and 3/3: D -.5, var 4/4, df 16 / (1 + 1 + 1 + 1/2)
    tasks = (["x", "x", "y", "y"], ["x", "x", "y", "y", "y"])
    found = unpaired(tasks, ([1, 3, 0, 2], [-1, 1, 4 - 3**0.5, 4, 4 + 3**0.5]))
    assert found.these_tasks is not None
    close([found.difference, found.these_tasks.se, found.these_tasks.df], [-0.5, 1.0, 16 / 3.5])
    assert found.notes == ("2 tasks: too few for conclusions about new tasks (at least 6 are needed)",)


def test_new_tasks_are_paired_by_their_means() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(7, 4)), rng.normal(size=(7, 2))
    found = unpaired((np.repeat(range(7), 4).tolist(), np.repeat(range(7), 2).tolist()), (a.ravel(), b.ravel()))
    known = paired(range(7), [0] * 7, a.mean(axis=1), b.mean(axis=1))
    assert (found.new_tasks, found.sign_flip, found.without_largest) == (
        known.new_tasks,
        known.sign_flip,
        known.without_largest,
    )
    clusters = {task: task // 2 for task in range(7)}
    few = unpaired(
        (np.repeat(range(7), 4).tolist(), np.repeat(range(7), 2).tolist()), (a.ravel(), b.ravel()), clusters=clusters
    )
    assert (few.clusters, few.new_tasks) == (4, None)
    assert few.these_tasks == found.these_tasks


def test_what_is_missing_or_alone_is_dropped_and_counted() -> None:
    found = unpaired((["x", "x", "y", "z"], ["x", "x", "y"]), ([1, 2, 3, 9], [0, NAN, NAN]))
    assert (found.difference, found.tasks, found.dropped) == (1.5, 1, 4)
    assert found.these_tasks is None
    assert found.notes[0] == "no interval for these tasks: 1 of 1 tasks have one value of an arm, and two are needed"
    nothing = unpaired((["x"], ["y"]), ([1], [1]))
    assert (nothing.difference, nothing.dropped) == (None, 2)
    with pytest.raises(ValueError, match="differ in length"):
        unpaired((["x"], ["x"]), ([1, 2], [1]))


def test_weights_as_given_vary_within_replicates_alone() -> None:
    a, b = [0.1, 0.3, 0.9, 0.7], [0.2, 0.4, 0.3, 0.1]
    replicates = [1, 1, 2, 2]
    found = unpaired((["t"] * 4, ["t"] * 4), (a, b), replicates=(replicates, replicates)).these_tasks
    assert found is not None
    v = [np.var(cell, ddof=1) / 2 / 4 for cell in (a[:2], a[2:], b[:2], b[2:])]
    assert found.se == pytest.approx(sum(v) ** 0.5)
    assert found.df == pytest.approx(4)


def test_means_that_do_not_vary_have_a_test_by_sign_flips() -> None:
    tasks = np.repeat(range(10), 5).tolist()
    found = unpaired((tasks, tasks), (np.ones(50), np.zeros(50)))
    assert (found.these_tasks, found.new_tasks, found.sign_flip) == (None, None, 2 / 1024)


@given(st.lists(st.tuples(st.integers(0, 3), unit), max_size=16), st.lists(st.tuples(st.integers(0, 3), unit)))
def test_the_order_of_rows_says_nothing_and_the_order_of_arms_the_sign(a: Rows, b: Rows) -> None:
    def compared(one: Rows, other: Rows) -> "tuple[float | None, ...]":
        found = unpaired(([t for t, _ in one], [t for t, _ in other]), ([v for _, v in one], [v for _, v in other]))
        these = found.these_tasks
        return found.difference, these and these.low, these and these.high, these and these.p

    here, turned, other = compared(a, b), compared(a[::-1], b[::-1]), compared(b, a)
    assert (
        [value is None for value in here] == [value is None for value in turned] == [value is None for value in other]
    )
    close([v for v in here if v is not None], [v for v in turned if v is not None], atol=1e-9)
    if here[0] is not None and other[0] is not None:
        close(here[0], -other[0], atol=1e-9)


@pytest.mark.parametrize("sizes", [(10, 10), (10, 5)])
def test_sorted_rows_give_no_more_false_alarms_than_they_should(sizes: tuple[int, int]) -> None:
    rng, runs, alarms = np.random.default_rng(5), 600, np.zeros(2)
    tasks = tuple(np.repeat(range(8), size).tolist() for size in sizes)
    for _ in range(runs):
        share = rng.uniform(0.2, 0.8, (8, 1))
        a, b = (np.sort(rng.random((8, size)) < share, axis=1).astype(float).ravel() for size in sizes)
        found = unpaired((tasks[0], tasks[1]), (a, b))
        assert found.these_tasks is not None
        assert found.new_tasks is not None
        alarms += [found.these_tasks.p <= 0.05, found.new_tasks.p <= 0.05]
    assert np.all(alarms / runs < 0.075)


def test_clusters_and_the_largest_difference_are_those_of_pairs_of_means() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.random((2, 12, 2))
    names, clusters = np.repeat(range(12), 2).tolist(), {task: task // 2 for task in range(12)}
    found = unpaired((names, names), (a.ravel(), b.ravel()), clusters=clusters, most=0.1)
    of_means = paired(range(12), [0] * 12, a.mean(axis=1), b.mean(axis=1), clusters=clusters, most=0.1)
    assert (found.new_tasks, found.sign_flip, found.clusters) == (of_means.new_tasks, of_means.sign_flip, 6)
    assert found.these_tasks is not None
    assert found.these_tasks.low == -0.1
    assert found.these_tasks.high <= 0.1
