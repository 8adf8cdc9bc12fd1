"""A mean over tasks against statsmodels, brute force, and small simulations of skewed and clustered tasks."""

from importlib import import_module
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from agentlab.stats.contrasts.paired import paired
from agentlab.stats.skewness import skewed, symmetric
from agentlab.stats.task_mean import task_mean
from tests.support.numbers import close

ols: Any = import_module("statsmodels.api").OLS
UNEQUAL = [0, 0, 0, 1, 1, 2, 3, 4, 4, 5]


def robust(x: Any, clusters: Any, correction: bool) -> float:
    how = {"groups": np.asarray(clusters), "use_correction": correction}
    return float(ols(x, np.ones(len(x))).fit(cov_type="cluster", cov_kwds=how).bse[0])


def test_clusters_of_one_size_have_the_standard_error_of_statsmodels() -> None:
    # CR2 is CR1 where clusters are equal, and CR1 is CR0 times sqrt(C / (C - 1))
    x, clusters = np.random.default_rng(1).normal(size=21), np.repeat(np.arange(7), 3)
    found = task_mean(x, clusters)
    close([found.se, found.df, found.units], [robust(x, clusters, True), 6, 7], rtol=1e-9)
    close(found.se, robust(x, clusters, False) * (7 / 6) ** 0.5, rtol=1e-9)


def test_unequal_clusters_by_the_matrices_of_the_papers() -> None:
    x, codes = np.random.default_rng(2).normal(size=10), np.array(UNEQUAL)
    design, left = np.ones((10, 1)), np.eye(10) - np.full((10, 10), 0.1)
    residuals, meat, columns = left @ x, 0.0, list[Any]()
    for c in range(6):
        rows = codes == c
        values, vectors = np.linalg.eigh(left[np.ix_(rows, rows)])
        adjusted = vectors @ np.diag(values**-0.5) @ vectors.T
        meat += float((design[rows].T @ adjusted @ residuals[rows])[0]) ** 2
        columns.append(left[:, rows] @ adjusted @ design[rows][:, 0] / 10)
    b = np.array(columns) @ np.array(columns).T
    found = task_mean(x, codes)
    close([found.se, found.df], [meat**0.5 / 10, np.trace(b) ** 2 / (b**2).sum()], rtol=1e-9)


def test_without_clusters_it_is_that_of_student() -> None:
    x = np.random.default_rng(3).normal(size=9)
    for found in (task_mean(x), task_mean(x, range(9))):
        close([found.value, found.se, found.df], [x.mean(), x.std(ddof=1) / 3, 8], rtol=1e-12)
        close(found.skewness * 3, stats.skew(x), rtol=1e-9)
    with pytest.raises(ValueError, match="two units"):
        task_mean([1.0, 2.0], [0, 0])


@given(st.floats(-50, 50), st.floats(-0.9, 0.9))
def test_hall_s_transformation_rises_and_has_its_inverse(t: float, c: float) -> None:
    close(skewed(symmetric(t, c), c), t, rtol=1e-5, atol=1e-4)
    assert symmetric(t + 0.01, c) > symmetric(t, c)


@given(st.lists(st.floats(-1, 1, width=32), min_size=6, max_size=20).filter(lambda x: np.ptp(x) > 1e-3), st.booleans())
def test_the_interval_leaves_out_0_where_p_is_small(values: list[float], shared: bool) -> None:
    x = np.array(values)
    found = task_mean(x, np.arange(len(x)) // 2 if shared else None)
    assume(found.se > 1e-6)
    interval = found.interval()
    turned = task_mean(-x, np.arange(len(x)) // 2 if shared else None).interval()
    assert (interval.p < 0.05) == (interval.low > 0 or interval.high < 0)
    margin = float(stats.t.ppf(0.975, found.df)) * found.se
    assert interval.low <= x.mean() - margin + 1e-9
    assert interval.high >= x.mean() + margin - 1e-9
    close([interval.low, interval.p], [-turned.high, turned.p], rtol=1e-6, atol=1e-9)


def test_skewed_tasks_are_covered_more_often_than_by_t() -> None:
    rng, truth, hits = np.random.default_rng(4), float(np.exp(0.5)), np.zeros(2)
    for x in rng.lognormal(size=(1000, 20)):
        found = task_mean(x)
        interval, margin = found.interval(), float(stats.t.ppf(0.975, 19)) * found.se
        hits += [abs(found.value - truth) <= margin, interval.low <= truth <= interval.high]
    assert hits[0] < 880
    assert hits[1] > 900


@pytest.mark.parametrize("icc", [0.3, 0.6])
@pytest.mark.parametrize("sizes", [(4,) * 6, (1, 1, 1, 2, 2, 4, 6, 8)])
def test_tasks_that_share_a_source_give_no_more_false_alarms(icc: float, sizes: tuple[int, ...]) -> None:
    rng, codes = np.random.default_rng(5), np.repeat(np.arange(len(sizes)), sizes)
    alarms = np.zeros(2)
    for _ in range(1000):
        d = icc**0.5 * rng.normal(size=len(sizes))[codes] + (1 - icc) ** 0.5 * rng.normal(size=len(codes))
        alarms += [task_mean(d, units).interval().p < 0.05 for units in (codes, None)]
    assert alarms[0] <= 70
    assert alarms[1] >= 110


@pytest.mark.parametrize("icc", [0.3, 0.6])
def test_of_three_contexts_nothing_is_said_beyond_their_tasks(icc: float) -> None:
    rng, contexts = np.random.default_rng(6), {task: task // 4 for task in range(12)}
    held = 0
    for _ in range(200):
        effects = icc**0.5 * rng.normal(size=3).repeat(4) + (1 - icc) ** 0.5 * rng.normal(size=12)
        draws = effects[:, None] + rng.normal(size=(12, 4))
        tasks = np.arange(12).repeat(4).tolist()
        found = paired(tasks, list(range(4)) * 12, draws.ravel(), np.zeros(48), clusters=contexts)
        assert (found.new_tasks, found.sign_flip, found.clusters) == (None, None, 3)
        assert "3 clusters of 12 tasks: too few for conclusions beyond these tasks" in found.notes[-1]
        assert found.these_tasks is not None
        held += found.these_tasks.low <= effects.mean() <= found.these_tasks.high
    assert held >= 0.91 * 200


def test_signs_of_a_cluster_flip_together() -> None:
    d = [1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 1.0, 1.0, 4.0, 1.0, 2.0, 5.0]
    found = paired(range(12), [0] * 12, d, np.zeros(12), clusters={task: task // 2 for task in range(12)})
    assert (found.clusters, found.sign_flip) == (6, 2 / 64)
    assert paired(range(12), [0] * 12, d, np.zeros(12)).sign_flip == 2 / 4096


def test_what_is_left_without_the_largest_task() -> None:
    d = np.array([0.0, 0.1, -0.1, 0.05, -0.05, 0.02, -0.02, 1.0])
    found = paired(list("abcdefgh"), [0] * 8, d, np.zeros(8)).without_largest
    assert found is not None
    assert found.task == "h"
    close([found.difference], [0.0], atol=1e-12)
    assert found.p is not None
    assert found.p > 0.9
    turned = paired(list("abcdefgh"), [0] * 8, -d, np.zeros(8)).without_largest
    assert turned is not None
    assert turned.task == "h"
    few = paired(range(6), [0] * 6, d[2:], np.zeros(6)).without_largest
    assert few is not None
    assert few.p is None


def test_clusters_that_are_alike_have_no_interval() -> None:
    found = paired(range(12), [0] * 12, [0.0, 1.0] * 6, np.zeros(12), clusters={task: task // 2 for task in range(12)})
    assert found.new_tasks is None
    assert found.notes[-1] == "no interval for new tasks: every cluster differs by the same amount"


def test_no_interval_passes_the_largest_difference_there_can_be() -> None:
    d = [1.0, 1.0, 1.0, 0.0, 1.0, 1.0]
    free, held = (paired(range(6), [0] * 6, d, np.zeros(6), most=most).new_tasks for most in (9.0, 1.0))
    assert free is not None
    assert held is not None
    assert (free.high > 1, held.high, held.low) == (True, 1.0, free.low)
