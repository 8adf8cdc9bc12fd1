"""One arm's mean: known intervals of proportions, intervals inside the range, and small simulations near its ends."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

from agentlab.stats.arm_mean import CHANCE, arm_mean
from tests.support.numbers import close, grid

NAN = float("nan")


def test_one_task_of_right_and_wrong_answers_is_clopper_and_pearson() -> None:
    # no variance over draws is smaller than that of answers, so 20 draws count as 20 answers or more
    found = arm_mean([1.0] * 20, [0] * 20).these_tasks
    close([found.low, found.high], proportion_confint(20, 20, method="beta"), rtol=1e-9)
    found = arm_mean([1.0] * 9 + [0.0], range(10)).these_tasks  # one draw of each of ten tasks
    close([found.low, found.high], proportion_confint(9, 10, method="beta"), rtol=1e-9)


def test_at_an_end_tasks_count_for_new_tasks_and_draws_for_these() -> None:
    tasks, _ = grid(10, 5)
    for value, ends in ((1.0, (0.025 ** (1 / 50), 0.025 ** (1 / 10))), (0.0, None)):
        found = arm_mean([value] * 50, tasks)
        if ends:
            close([found.these_tasks.low, found.new_tasks.low, found.new_tasks.high], [*ends, 1.0], rtol=1e-9)
        else:
            close([found.these_tasks.high, found.new_tasks.low], [1 - 0.025 ** (1 / 50), 0.0], rtol=1e-9)
    clustered = arm_mean([1.0] * 50, tasks, {task: task % 6 for task in range(10)}).new_tasks
    close([clustered.low, clustered.n], [0.025 ** (1 / 6), 6], rtol=1e-9)


def test_the_t_interval_where_scores_are_narrow_inside_the_range() -> None:
    rng = np.random.default_rng(1)
    tasks, _ = grid(40, 3)
    x = 5 + 0.1 * rng.normal(size=(40, 1)) + 0.1 * rng.normal(size=(40, 3))
    found = arm_mean(x.ravel(), tasks, range=(10.0, 0.0))
    margin = 2.0227 * x.mean(axis=1).std(ddof=1) / 40**0.5
    close([found.new_tasks.low, found.new_tasks.high], [x.mean() - margin, x.mean() + margin], rtol=2e-4)
    within = 1.99 * (x.var(axis=1, ddof=1).sum() / 3) ** 0.5 / 40
    close([found.these_tasks.low, found.these_tasks.high], [x.mean() - within, x.mean() + within], rtol=2e-4)


def test_the_larger_standard_error_is_used_and_said() -> None:
    tasks, _ = grid(6, 2)
    found = arm_mean([0.1, 0.9] * 3 + [0.2, 0.9] * 3, tasks)  # draws differ, and tasks do not by as much as draws make
    assert found.new_tasks.notes == (CHANCE,)
    assert found.new_tasks.low is not None
    assert found.these_tasks.low is not None
    assert found.new_tasks.low <= found.these_tasks.low


def test_what_is_missing_is_said() -> None:
    few = arm_mean([0.2, 0.4, NAN], ["a", "b", "c"]).new_tasks
    close([few.value], [0.3])
    assert few.low is None
    assert few.notes == ("2 tasks: too few for conclusions about new tasks (at least 6 are needed)",)
    assert arm_mean([NAN], ["a"]).these_tasks.notes == ("no value",)
    same = arm_mean([0.5] * 6, range(6))
    assert same.new_tasks.notes == ("no interval for new tasks: every task has the same value",)
    assert same.these_tasks.low is not None
    clustered = arm_mean([0.5, 1.0] * 6, range(12), {task: task % 3 for task in range(12)}).new_tasks
    assert clustered.notes == ("3 clusters of tasks: too few for conclusions about new tasks (at least 6 are needed)",)
    for wrong in ([2.0], [[1.0]]):
        with pytest.raises(ValueError, match="value"):
            arm_mean(wrong, ["a"])


unit = st.floats(0, 1, width=32) | st.sampled_from([0.0, 1.0])


@given(st.lists(st.lists(unit, min_size=1, max_size=4), min_size=1, max_size=9), st.booleans())
def test_intervals_are_in_the_range_and_new_tasks_is_never_the_narrower(draws: list[list[float]], turned: bool) -> None:
    tasks = [task for task, own in enumerate(draws) for _ in own]
    found = arm_mean([value for own in draws for value in own], tasks, range=(1.0, 0.0) if turned else (0.0, 1.0))
    these, new = found.these_tasks, found.new_tasks
    assert these.value is not None
    assert these.low is not None
    assert these.high is not None
    assert 0 <= these.low <= these.value + 1e-9
    assert these.value - 1e-9 <= these.high <= 1
    if new.low is not None and new.high is not None:
        assert new.low <= these.low + 1e-9
        assert new.high >= these.high - 1e-9


@pytest.mark.parametrize(("chance", "tasks", "draws"), [(0.5, 10, 1), (0.9, 10, 5), (0.97, 6, 5), (0.97, 30, 1)])
def test_proportions_are_covered_near_their_ends(chance: float, tasks: int, draws: int) -> None:
    rng, hits = np.random.default_rng(2), np.zeros(2)
    names, _ = grid(tasks, draws)
    for _ in range(500):
        p = rng.beta(3 * chance, 3 * (1 - chance), size=(tasks, 1))
        found = arm_mean((rng.random((tasks, draws)) < p).astype(np.float64).ravel(), names)
        for i, (one, truth) in enumerate(((found.these_tasks, float(p.mean())), (found.new_tasks, chance))):
            assert one.low is not None
            assert one.high is not None
            hits[i] += one.low <= truth <= one.high
    assert hits.min() >= 0.92 * 500


def test_weights_as_given_vary_within_replicates_alone() -> None:
    rng, replicates = np.random.default_rng(3), [1, 2] * 40
    x = 0.5 + 0.2 * (np.array(replicates) - 1.5) + 0.01 * rng.normal(size=80)
    tasks = [i // 8 for i in range(80)]
    apart, whole = (arm_mean(x, tasks, replicates=of).these_tasks for of in (replicates, None))
    assert apart.low is not None
    assert apart.high is not None
    assert apart.high - apart.low < 0.01
    assert whole.low is not None
    assert whole.high is not None
    assert whole.high - whole.low > 0.04
