"""Statistics against hand computation, scipy, published numbers, and small simulations."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from agentlab.stats.bounds import bounds, difference, identified_level, tipping_point
from agentlab.stats.contrasts.paired import paired
from agentlab.stats.contrasts.power import OutcomeNoise, detectable, smallest_shift
from agentlab.stats.contrasts.sign_flip import sign_flip_p
from tests.support.numbers import close, grid

NAN = float("nan")
unit = st.floats(0, 1, width=32)


def gap(x: Any, y: Any) -> float:
    return float(np.asarray(x, float).mean() - np.asarray(y, float).mean())


# --- paired ---------------------------------------------------------------------------------------------------------


def test_weights_as_given_vary_within_replicates_alone() -> None:
    tasks, replicates = ["t"] * 6 + ["u"] * 4, [1, 1, 2, 2, 2, 2, 1, 1, 2, 2]
    d = np.array([0.0, 0.2, 0.9, 0.7, 0.8, 0.8, 0.5, 0.7, 0.1, 0.3])
    found = paired(tasks, range(10), d, np.zeros(10), replicates=replicates).these_tasks
    assert found is not None
    cells = [(d[:2], 2 / 6), (d[2:6], 4 / 6), (d[6:8], 0.5), (d[8:], 0.5)]
    v = np.array([share**2 * cell.var(ddof=1) / len(cell) for cell, share in cells])
    freedom = np.array([len(cell) - 1 for cell, _ in cells])
    close(found.se, v.sum() ** 0.5 / 2)
    close(found.df, v.sum() ** 2 / (v**2 / freedom).sum())
    whole = paired(tasks, range(10), d, np.zeros(10)).these_tasks
    assert whole is not None
    assert found.se < whole.se


def test_one_pair_of_a_replicate_has_no_variance_and_alike_ones_have_none() -> None:
    tasks, d = ["t"] * 4, [0.1, 0.2, 0.3, 0.4]
    single = paired(tasks, range(4), d, np.zeros(4), replicates=[1, 1, 1, 2])
    assert single.these_tasks is None
    assert single.notes[0].endswith("1 of 1 tasks have one pair in a replicate, and two are needed")
    alike = paired(tasks, range(4), [0.1, 0.1, 0.3, 0.3], np.zeros(4), replicates=[1, 1, 2, 2])
    assert alike.these_tasks is None
    assert not alike.constant
    assert alike.notes[0].endswith("every pair of a task and replicate differs by the same amount")


def test_these_tasks_by_hand() -> None:
    # differences 1, 3 (mean 2, s² 2, v 1) and 0, 1, 2 (mean 1, s² 1, v 1/3): D 1.5, var (4/3)/4 = 1/3,
    # df (4/3)² / (1²/1 + (1/3)²/2) = 32/19
    found = paired(["x"] * 2 + ["y"] * 3, [0, 1, 0, 1, 2], [1, 3, 0, 1, 2], [0, 0, 0, 0, 0])
    assert (found.difference, found.tasks, found.pairs, found.dropped) == (1.5, 2, 5, 0)
    assert found.these_tasks is not None
    close(found.these_tasks.se, (1 / 3) ** 0.5)
    close(found.these_tasks.df, 32 / 19)
    margin = float(stats.t.ppf(0.975, 32 / 19)) * (1 / 3) ** 0.5
    close([found.these_tasks.low, found.these_tasks.high], [1.5 - margin, 1.5 + margin])
    assert found.new_tasks is None
    assert found.sign_flip is None
    assert found.notes == ("2 tasks: too few for conclusions about new tasks (at least 6 are needed)",)


def test_one_task_is_a_paired_t_test() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=9), rng.normal(size=9)
    found, known = paired(["t"] * 9, range(9), a, b), stats.ttest_rel(a, b)
    assert found.these_tasks is not None
    interval = known.confidence_interval()
    close(
        [found.these_tasks.low, found.these_tasks.high, found.these_tasks.p, found.these_tasks.df],
        [float(interval.low), float(interval.high), float(known.pvalue), 8],
    )


def test_new_tasks_is_a_t_test_on_task_means() -> None:
    rng = np.random.default_rng(2)
    tasks, draws = grid(7, 3)
    a, b = rng.normal(size=21), rng.normal(size=21)
    found = paired(tasks, draws, a, b)
    means = (a - b).reshape(7, 3).mean(axis=1)
    even = paired(range(14), [0] * 14, np.concatenate([means, -means]) + 0.3, np.zeros(14)).new_tasks
    known = stats.ttest_1samp(np.concatenate([means, -means]) + 0.3, 0.0)  # these are not skewed
    assert even is not None
    interval = known.confidence_interval()
    close([even.low, even.high, even.p, even.df], [float(interval.low), float(interval.high), float(known.pvalue), 13])
    permuted = stats.permutation_test((means, np.zeros(7)), gap, permutation_type="samples", n_resamples=10**4)
    assert found.sign_flip is not None
    close(found.sign_flip, float(permuted.pvalue))


def test_exact_sign_flip_for_six_to_twelve_tasks_only() -> None:
    assert sign_flip_p([1, 2, 3, 4, 5, 6]) == 2 / 64
    assert sign_flip_p([1, -1]) == 1.0
    for count, there in ((5, False), (6, True), (12, True), (13, False)):
        found = paired(range(count), [0] * count, np.arange(count), np.zeros(count))
        assert (found.sign_flip is not None) is there
    assert sign_flip_p([2.0] * 30) == 2 / 2**30
    assert sign_flip_p([0.0, 1.0, 1.0, 3.0]) == 2 / 2**3
    assert sign_flip_p([0.0, 0.0]) == 1.0
    with pytest.raises(ValueError, match="21 differences"):
        sign_flip_p([1.0, -1.0] * 10 + [1.0])


def test_missing_values_drop_their_pair_and_are_counted() -> None:
    found = paired(["x", "x", "x", "y"], [0, 1, 2, 0], [1, 2, NAN, NAN], [0, 0, 0, 1])
    assert (found.difference, found.pairs, found.dropped, found.tasks) == (1.5, 2, 2, 1)
    assert paired([], [], [], []).difference is None
    assert paired(["x"], [0], [NAN], [1.0]).dropped == 1


def test_a_task_with_one_pair_refuses_the_interval() -> None:
    found = paired(["x", "x", "y"], [0, 1, 0], [1, 2, 3], [0, 0, 0])
    assert found.these_tasks is None
    assert found.difference == 2.25
    assert "1 of 2 tasks have one pair" in found.notes[0]
    assert not found.constant


def test_no_variance_has_no_interval_but_a_test_by_sign_flips() -> None:
    tasks, draws = grid(6, 2)
    a = np.array([0.1, 0.2, 0.3] * 4)
    found = paired(tasks, draws, a + 0.7, a)
    assert found.constant
    assert found.these_tasks is None
    assert found.new_tasks is None
    assert found.sign_flip == 2 / 2**6
    assert found.notes == (
        "no interval for these tasks: every pair of a task differs by the same amount",
        "no interval for new tasks: every task differs by the same amount",
    )
    close([found.difference, found.correlation], [0.7, 1.0])


@pytest.mark.parametrize(
    ("count", "draws", "gap", "p"),
    [(10, 5, 1.0, 2 / 1024), (20, 5, 1.0, 2 / 2**20), (10, 1, 1.0, 2 / 1024), (3, 5, 1.0, 2 / 2**15), (10, 5, 0.0, 1)],
)
def test_the_largest_effect_there_can_be_has_a_test(count: int, draws: int, gap: float, p: float) -> None:
    """All of one arm right, all of the other wrong: over tasks, or over pairs where tasks are too few for a claim."""
    found = paired(*grid(count, draws), np.full(count * draws, gap), np.zeros(count * draws))
    assert (found.these_tasks, found.new_tasks, found.sign_flip) == (None, None, p)


def test_opposite_constant_tasks_are_no_difference() -> None:
    assert paired([0, 0, 1, 1], [0, 1, 0, 1], [1, 1, 0, 0], [0, 0, 1, 1]).sign_flip == 1.0


def test_correlations_apart_from_the_tasks_difficulty() -> None:
    a, b = [0, 1, 10, 11], [1, 0, 11, 10]
    found = paired([0, 0, 1, 1], [0, 1, 0, 1], a, b)
    assert found.correlation is not None
    assert found.correlation > 0.9
    assert found.correlation_within is not None
    close(found.correlation_within, -1.0)
    assert paired([0, 0], [0, 1], [1, 1], [0, 1]).correlation is None


def test_wrong_shapes_and_double_pairs_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        paired([0], [0], [1, 2], [1, 2])
    with pytest.raises(ValueError, match="given twice"):
        paired([0, 0], [1, 1], [1, 2], [1, 2])


@given(st.lists(st.tuples(st.integers(0, 3), unit, unit), max_size=24))
def test_paired_is_antisymmetric_and_ignores_the_order_of_rows(rows: list[tuple[int, float, float]]) -> None:
    tasks, draws = [row[0] for row in rows], range(len(rows))
    a, b = [row[1] for row in rows], [row[2] for row in rows]
    one, other = paired(tasks, draws, a, b), paired(tasks, draws, b, a)
    turned = paired(tasks[::-1], draws[::-1], a[::-1], b[::-1])
    assert one.constant == other.constant == turned.constant
    assert (one.these_tasks is None) == (other.these_tasks is None)
    if one.difference is not None and other.difference is not None and turned.difference is not None:
        close([one.difference, turned.difference], -other.difference, atol=1e-12)
        assert one.mean_a is not None
        assert one.mean_b is not None
        close(one.difference, one.mean_a - one.mean_b, atol=1e-12)
    if one.these_tasks and other.these_tasks:
        close([one.these_tasks.low, one.these_tasks.p], [-other.these_tasks.high, other.these_tasks.p])


def test_both_intervals_cover_what_they_name() -> None:
    rng, runs, hits = np.random.default_rng(3), 1000, np.zeros(2)
    tasks, draws = grid(8, 4)
    fixed = rng.normal(0, 1, 8)
    for _ in range(runs):
        noise = rng.normal(0, np.linspace(0.5, 1.5, 8)[:, None], (8, 4))
        these = paired(tasks, draws, (fixed[:, None] + noise).ravel(), np.zeros(32)).these_tasks
        fresh = (0.3 + rng.normal(0, 1, (8, 1)) + noise).ravel()
        like = paired(tasks, draws, fresh, np.zeros(32)).new_tasks
        assert these is not None
        assert like is not None
        hits += [these.low <= fixed.mean() <= these.high, like.low <= 0.3 <= like.high]
    assert np.all(np.abs(hits / runs - 0.95) < 0.02)


# --- power ----------------------------------------------------------------------------------------------------------


def test_power_reproduces_the_published_examples() -> None:
    # Miller 2024: w² = 1/9 and n = 969 detect 0.03; n = 198 with s² = 1/6 detects 13.3 % at K = 1, 7.6 % at K = 10
    close(detectable(969, 1, OutcomeNoise(0, 1 / 3)).new_tasks, 0.03, rtol=2e-3)
    close(detectable(198, 1, OutcomeNoise(6**-0.5, 1 / 3)).new_tasks, 0.133, rtol=7e-3)
    close(detectable(198, 10, OutcomeNoise(6**-0.5, 1 / 3)).new_tasks, 0.076, rtol=7e-3)


def test_the_shift_has_the_power_it_promises_and_tends_to_the_normal_one() -> None:
    close(smallest_shift(1e6), stats.norm.ppf(0.975) + stats.norm.ppf(0.8), rtol=1e-4)
    rng, df = np.random.default_rng(6), 5
    shift = smallest_shift(df)
    t = (rng.normal(size=20_000) + shift) / np.sqrt(rng.chisquare(df, 20_000) / df)
    close(np.mean(np.abs(t) > stats.t.ppf(0.975, df)), 0.8, atol=0.01)


def test_more_draws_stop_helping_where_tasks_differ() -> None:
    found = [detectable(10, draws, OutcomeNoise(0.4, 0.2)) for draws in (1, 10, 10_000)]
    effects = [one.new_tasks for one in found]
    assert all(effect is not None for effect in effects)
    assert effects == sorted(effects, key=lambda effect: -(effect or 0))
    close(effects[-1], found[-1].limit, rtol=1e-3)
    assert found[0].these_tasks is None
    few = detectable(2, 3, OutcomeNoise(0.4, 0.2))
    assert few.new_tasks is None
    assert few.limit is None
    assert few.these_tasks is not None
    close(few.these_tasks, smallest_shift(4) * (2 * 0.16 / 3 / 2) ** 0.5)
    with pytest.raises(ValueError, match="at least"):
        detectable(0, 1, OutcomeNoise(1, 1))
    with pytest.raises(ValueError, match="alpha"):
        smallest_shift(5, alpha=0.9)


# --- worst case -----------------------------------------------------------------------------------------------------


def test_bounds_by_hand() -> None:
    found = bounds([1, 0, NAN, NAN], 1, 0)
    assert (found.observed, found.low, found.high, found.n, found.missing) == (0.5, 0.25, 0.75, 2, 2)
    by_task = bounds([1, 1, NAN], 0, 1, tasks=["x", "x", "y"])
    assert (by_task.observed, by_task.low, by_task.high) == (1.0, 0.5, 1.0)
    assert difference(found, by_task) == (-0.75, 0.25)
    assert bounds([NAN], 0, 1).observed is None
    for wrong in ([], [2.0]):
        with pytest.raises(ValueError, match="value"):
            bounds(wrong, 0, 1)


@given(st.lists(st.tuples(st.integers(0, 3), unit, st.booleans()), min_size=1, max_size=20))
def test_bounds_hold_whatever_was_missing(rows: list[tuple[int, float, bool]]) -> None:
    tasks, truth = [row[0] for row in rows], [row[1] for row in rows]
    found = bounds([value if there else NAN for _, value, there in rows], 0, 1, tasks)
    full = bounds(truth, 0, 1, tasks)
    assert full.observed is not None
    assert found.low - 1e-12 <= full.observed <= found.high + 1e-12
    assert found.n + found.missing == len(rows)


# --- bounds with sampling error -------------------------------------------------------------------------------------


def test_bounds_that_meet_have_the_usual_level_and_wide_ones_that_of_one_side() -> None:
    assert identified_level(0, 0.1, 9) == identified_level(1, 0, 9) == 0.95
    close(identified_level(20, 0.1, 9), 0.9)
    # Imbens & Manski's equation for a width of one standard error
    c = float(stats.norm.ppf((1 + identified_level(1, 1, np.inf)) / 2))
    close(stats.norm.cdf(c + 1) - stats.norm.cdf(-c), 0.95, rtol=1e-8)
    for width, se in ((-1, 0.1), (1, -0.1)):
        with pytest.raises(ValueError, match="neither is under 0"):
            identified_level(width, se, 9)


@given(st.floats(0, 5), st.floats(0.01, 1), st.floats(1, 50), st.floats(0.5, 0.99))
def test_the_level_falls_as_the_bounds_part(width: float, se: float, df: float, level: float) -> None:
    near, far = (identified_level(more, se, df, level) for more in (width, width + 0.1))
    assert 2 * level - 1 - 1e-9 <= far <= near + 1e-9 <= level + 2e-9


@pytest.mark.parametrize("width", [0.0, 0.05, 0.5])
def test_the_interval_of_bounds_covers_the_value_at_its_worst_place(width: float) -> None:
    rng, runs, covered = np.random.default_rng(8), 2000, 0
    x = rng.normal(size=(runs, 12))
    for mean, se in zip(x.mean(axis=1), x.std(axis=1, ddof=1) / 12**0.5, strict=True):
        margin = float(stats.t.ppf((1 + identified_level(width, se, 11)) / 2, 11)) * se
        covered += mean - margin <= 0 <= mean + width + margin
    assert abs(covered / runs - 0.95) < 0.015


def test_the_tipping_point_is_the_distance_over_the_missing_shares() -> None:
    close(tipping_point(0.1, 0.25, 0.0), 0.4)
    close(tipping_point(0.1, 0.25, 0.15), 0.25)
    assert tipping_point(0.1, 0, 0) is None
    assert tipping_point(-1, 0.1, 0) == 0.0
