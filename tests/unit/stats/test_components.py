"""Components of variance against textbook forms, statsmodels, and simulations whose truth is known."""

from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from agentlab.stats.components.components import IN_CONTEXTS, JUDGED, components
from agentlab.stats.components.covariances import Scores, covariances
from agentlab.stats.components.mean_squares import mean_squares
from agentlab.stats.components.mls import limits
from agentlab.stats.components.nested import coefficients, henderson, nest, products
from agentlab.stats.components.score_variance import score_variance
from bench.coverage_components import SETTINGS, Setting, of_components
from bench.coverage_spread import of_scores
from tests.support.numbers import close

Array = NDArray[np.float64]
Codes = NDArray[np.intp]
_mixed: Any = import_module("statsmodels.regression.mixed_linear_model")  # it comes without types


def drawn(
    sizes: tuple[int, ...], deviations: tuple[float, ...], seed: int, lost: float = 0.0
) -> tuple[list[Codes], Array]:
    """Labels of all levels but the last, and the values."""
    setting = Setting("", sizes, deviations, lost)
    codes, parts = setting.rows(np.random.default_rng(seed))
    return codes[:-1], np.sum([d * z[0] for d, z in zip(deviations, parts, strict=True)], axis=0)


@st.composite
def unequal(draw: st.DrawFn, measures: int = 1) -> tuple[tuple[Codes, Codes], list[Array]]:
    """Two to five tasks of two to four draws, each with one to three judge draws, but two somewhere."""
    counts = draw(st.lists(st.lists(st.integers(1, 3), min_size=2, max_size=4), min_size=2, max_size=5))
    counts[0][0] = 2
    t = np.array([i for i, task in enumerate(counts) for n in task for _ in range(n)], dtype=np.intp)
    d = np.array([r for task in counts for r, n in enumerate(task) for _ in range(n)], dtype=np.intp)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return (t, d), [rng.normal(size=len(t)) for _ in range(measures)]


def told(codes: Any, values: Any, **more: Any) -> Array:
    """The variances of all levels."""
    return np.array([level.variance for level in components(codes, values, **more).levels], dtype=np.float64)


# --- estimates ------------------------------------------------------------------------------------------------------


def test_equal_numbers_by_the_textbook() -> None:
    # two tasks, two draws, two judge draws: MS 72 (df 1), 9 (df 2), 0.5 (df 4), by hand
    y = [1, 2, 4, 5, 7, 8, 10, 11]
    found = components(([0] * 4 + [1] * 4, [0, 0, 1, 1] * 2), y)
    close([one.variance for one in found.levels], [(72 - 9) / 4, (9 - 0.5) / 2, 0.5])
    close([one.anova for one in found.levels], [(72 - 9) / 4, (9 - 0.5) / 2, 0.5])
    close(found.total.variance, 15.75 + 4.25 + 0.5)
    close(sum(one.share or 0 for one in found.levels), 1)
    assert [one.groups for one in found.levels] == [2, 4, 8]


def test_unequal_numbers_by_hand() -> None:
    # task a: draws judged (1, 3) and (6); task b: (2), (4), (9): sigma_w^2 = 2, mean(1/J) = 3/4 and 1
    # S^2_between pooled = (8 + 26) / 3, mean(1/J) weighs 1 and 2 pairs: (3/4 + 2) / 3
    found = components((list("aaabbb"), [0, 0, 1, 0, 1, 2]), [1, 3, 6, 2, 4, 9])
    close(found.of("judge draw").variance, 2)
    close(found.of("draw").variance, 34 / 3 - 2 * 2.75 / 3)
    # task means 4 and 5: S^2 = 1/2; mean over tasks of sigma_d^2 / R and of sigma_w^2 sum(1/J) / R^2
    draw = 34 / 3 - 2 * 2.75 / 3
    close(found.of("task").variance, 0.5 - draw * (1 / 2 + 1 / 3) / 2 - 2 * (1.5 / 4 + 3 / 9) / 2)


def test_the_analysis_of_variance_by_hand() -> None:
    # Searle, Casella and McCulloch, one level: E SS_between = (N - sum n^2 / N) sigma_a^2 + (a - 1) sigma_e^2
    y, groups = np.array([1.0, 2, 6, 4, 4, 1]), [0, 0, 1, 2, 2, 2]
    sizes = np.array([2, 1, 3])
    within = (0.5 + 0 + 6) / 3
    means = np.array([1.5, 6, 3])
    between = float((sizes * (means - 3) ** 2).sum())
    found = henderson(nest([groups]), y)
    close(found, [(between - 2 * within) / (6 - 14 / 6), within])


@pytest.mark.parametrize("sizes", [(8, 4, 3), (5, 3, 3, 2)])
def test_equal_numbers_are_the_restricted_likelihood_of_a_mixed_model(sizes: tuple[int, ...]) -> None:
    codes, y = drawn(sizes, (1.0, 0.8, 0.7, 0.6)[: len(sizes)], seed=3)
    names = IN_CONTEXTS if len(sizes) == 4 else JUDGED
    frame = pd.DataFrame({"y": y, **{f"c{i}": c.astype(str) for i, c in enumerate(codes)}})
    nested = {f"c{i}": f"0 + C(c{i})" for i in range(1, len(codes))}
    fit: Any = _mixed.MixedLM.from_formula("y ~ 1", groups="c0", re_formula="1", vc_formula=nested, data=frame).fit(
        reml=True
    )
    found = told(codes, y, names=names)
    assert (found > 0).all()
    known = [float(fit.cov_re.iloc[0, 0]), *np.asarray(fit.vcomp), float(fit.scale)]
    close(found, known, rtol=2e-3)


def test_both_estimates_are_unbiased_with_unequal_numbers() -> None:
    codes, _ = drawn((6, 4, 3), (1, 1, 1), seed=1, lost=0.5)
    design, rng = nest(codes), np.random.default_rng(2)
    truth, weights = np.array([1.0, 0.5, 2.0]), coefficients(design)
    experiments: list[Array] = []
    for _ in range(4000):
        y = rng.normal(size=len(codes[0])) * 2**0.5
        for i, variance in enumerate(truth[:2]):
            lower = design.parents[2] if i == 1 else design.top(2)
            y += variance**0.5 * rng.normal(size=len(design.parents[i]))[lower]
        squares = np.array([rows.sum() for rows in products(design, y, y)]) / design.df
        experiments.append(np.concatenate([weights @ squares, henderson(design, y)]))
    found = np.array(experiments)
    error = found.std(axis=0) / len(found) ** 0.5
    assert (np.abs(found.mean(axis=0) - np.tile(truth, 2)) < 3.5 * error).all()


@given(unequal(), st.floats(-100, 100), st.floats(0.1, 50), st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_shift_scale_labels_and_order_do_not_matter(
    case: tuple[tuple[Codes, Codes], list[Array]], shift: float, scale: float, random: Any
) -> None:
    (t, d), (y,) = case
    found = told((t, d), y)
    close(told((t, d), shift + scale * y), scale**2 * found, rtol=1e-7, atol=1e-9 * scale**2)
    names = random.sample(range(100), 10)
    order = np.array(random.sample(range(len(y)), len(y)))
    tasks = [f"task {names[i]}" for i in t[order]]
    draws = [f"{names[j]} of {names[i]}" for i, j in zip(t[order], d[order], strict=True)]
    close(told((tasks, draws), y[order]), found, rtol=1e-9, atol=1e-10)


@given(unequal(measures=2))
@settings(max_examples=60)
def test_covariances_are_those_of_the_polarisation_identity(case: tuple[tuple[Codes, Codes], list[Array]]) -> None:
    codes, (x, y) = case
    found = covariances(Scores(codes, x), Scores(codes, y), same_calls=True)
    shared = [level.covariance for level in found.levels]
    close(told(codes, x) + told(codes, y) + 2 * np.array(shared), told(codes, x + y), atol=1e-9)


def test_draws_are_nested_in_tasks() -> None:
    codes, y = drawn((5, 3, 2), (1, 1, 1), seed=4)
    within = [codes[0], codes[1] % 3]
    close(told(within, y), told(codes, y))


# --- limits ---------------------------------------------------------------------------------------------------------


def test_limits_of_one_mean_square_are_exact() -> None:
    found = limits(np.array([2.0]), np.array([3.0]), np.array([7.0]), 0.9)
    ends = 2 * 3 * 7 / stats.chi2.ppf([0.95, 0.05], 7)
    close(found, ends)


def test_limits_of_a_sum_are_those_of_graybill_and_wang() -> None:
    squares, df, weights = np.array([3.0, 1.5]), np.array([4.0, 11.0]), np.array([0.5, 2.0])
    g, h = 1 - df / stats.chi2.ppf(0.975, df), df / stats.chi2.ppf(0.025, df) - 1
    (low, high), terms = limits(weights, squares, df), weights * squares
    close(low, terms.sum() - ((g * terms) ** 2).sum() ** 0.5)
    close(high, terms.sum() + ((h * terms) ** 2).sum() ** 0.5)


def test_limits_of_a_difference_touch_zero_where_the_f_test_does() -> None:
    # Ting et al. choose the product terms so that the lower limit is 0 exactly when F reaches its upper point
    n, m = 9.0, 20.0
    reached = float(stats.f.ppf(0.975, n, m))
    assert limits(np.array([1.0, -1.0]), np.array([reached, 1.0]), np.array([n, m]))[0] == pytest.approx(0, abs=1e-9)
    below = float(stats.f.ppf(0.025, n, m))
    assert limits(np.array([1.0, -1.0]), np.array([below, 1.0]), np.array([n, m]))[1] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("at", [0, 1])
def test_mean_squares_without_a_unit_are_those_of_the_rest(at: int) -> None:
    codes, y = drawn((5, 4, 3), (1, 1, 1), seed=17, lost=0.3)
    found = mean_squares(nest(codes), y, "unit", at)
    for unit, label in enumerate(np.unique(codes[at])):
        kept = codes[at] != label
        rest = nest([c[kept] for c in codes])
        squares = [rows.sum() for rows in products(rest, y[kept], y[kept])] / rest.df
        close(found.without[unit, at:], squares[at:])
    assert found.df == len(found.without) - (1 if at == 0 else 5)


def test_mean_squares_without_a_cluster_are_those_of_the_other_tasks() -> None:
    codes, y = drawn((6, 3, 2), (1, 1, 1), seed=18)
    found = mean_squares(nest(codes), y, "task", clusters=[0, 0, 1, 2, 2, 2])
    kept = codes[0] > 1
    rest = nest([c[kept] for c in codes])
    close(found.without[0], [rows.sum() for rows in products(rest, y[kept], y[kept])] / rest.df)
    assert found.df == 2


def test_limits_of_the_lowest_level_are_a_jackknife_of_its_logarithm() -> None:
    codes, y = drawn((9, 4, 2), (1, 1, 1), seed=19)
    cells = y.reshape(9, 4, 2).var(axis=2, ddof=1).mean(axis=1)
    left = np.log((cells.sum() - cells) / 8)
    se = (8 / 9 * ((left - left.mean()) ** 2).sum()) ** 0.5
    c = float(np.clip(stats.skew(-left, bias=False) / 3, -0.3, 0.3))
    found = components(codes, y).of("judge draw")
    assert found.low is not None
    assert found.high is not None
    ends = (np.log(cells.mean()) - np.log([found.low, found.high])) / se
    close(ends + c * ends**2 / 3 + c**2 * ends**3 / 27 + c / 6, np.array([1, -1]) * stats.t.ppf(0.975, 8))


def test_limits_of_a_component_are_recovered_from_those_of_its_mean_squares() -> None:
    codes, y = drawn((8, 4, 2), (1, 1, 1), seed=20)
    squares = mean_squares(nest(codes), y, "task")
    upper, lower = (squares.part(np.eye(3)[i], 0.95) for i in (1, 2))
    assert upper is not None
    assert lower is not None
    found, value = components(codes, y).of("draw"), upper[0] - lower[0] / 2
    close(found.variance, value)
    low = value - ((upper[0] - upper[1]) ** 2 + (lower[2] - lower[0]) ** 2 / 4) ** 0.5
    high = value + ((upper[2] - upper[0]) ** 2 + (lower[0] - lower[1]) ** 2 / 4) ** 0.5
    close([found.low, found.high], [low, high])


def test_limits_cover_in_simulation() -> None:
    """Few experiments here; bench/coverage_components.py plays 2,000 for every setting."""
    for row in of_components(400, seed=5, settings=(SETTINGS[0], SETTINGS[6])):
        for name in ("task", "draw", "judge draw", "total"):
            assert 0.92 <= row[name]["coverage"] <= 0.98


@pytest.mark.parametrize("case", ["heavy tails: t with 5 df", "rubric at its ceiling, mean 5", "1 in .05"])
def test_limits_cover_scores_that_are_not_normal(case: str) -> None:
    """Those by chi-squared cover 43 to 86 % of draws here; bench/coverage_spread.py plays more, and more cases."""
    (row,) = of_scores(800, seed=6, cases=[case], sizes=[(12, 15, 2)])
    for name in ("task", "draw"):
        assert row[name]["coverage"] >= 0.9, name


def test_one_task_with_all_of_a_variance_has_no_limits_and_says_so() -> None:
    y = np.zeros((8, 5, 2))
    y[3, 2] = 1
    codes = np.repeat(np.arange(8), 10), np.repeat(np.arange(40), 2)
    found = components(codes, y.ravel())
    assert found.of("draw").low is None
    assert "draw: no interval, because one task has all of a variance" in found.notes
    few = components(*drawn((4, 5, 2), (1, 1, 1), seed=7))
    assert "judge draw: no interval (at least 6 tasks are needed)" in few.notes


def test_a_negative_component_stays_negative_and_shows_its_upper_limit() -> None:
    one = [0, 4, 4, 0, 6, 10, 10, 6]
    found = components((np.repeat(np.arange(6), 4), [0, 0, 1, 1] * 6), [*one, 1, 4, 4, 0, *one, 0, 4, 3, 0])
    draw = found.of("draw")
    assert draw.negative
    assert draw.high is not None
    assert str(draw) == f"<= {draw.high:.3g}"
    assert draw.low is not None
    assert draw.variance is not None
    assert draw.low < draw.variance
    assert "draw: below 0, so only its upper limit is reported" in found.notes
    close(sum(one.share or 0 for one in found.levels), 1)


# --- what cannot be told --------------------------------------------------------------------------------------------


def test_one_judge_draw_is_not_separable_and_never_zero() -> None:
    codes, y = drawn((6, 4, 1), (1, 1, 1), seed=6)
    found = components(codes, y)
    for name in ("draw", "judge draw"):
        assert found.of(name).variance is None
        assert str(found.of(name)) == "not separable"
    assert found.notes == ("judge draw not separable from draw: one judge draw in every draw",)
    assert found.merged is not None
    assert found.merged.name == "draw + judge draw"
    within = y.reshape(6, 4)
    close(found.merged.variance, within.var(axis=1, ddof=1).mean())
    close(found.of("task").variance, within.mean(axis=1).var(ddof=1) - within.var(axis=1, ddof=1).mean() / 4)


def test_a_deterministic_judge_is_not_separable() -> None:
    codes, y = drawn((6, 4, 1), (1, 1, 1), seed=6)
    twice = [np.repeat(c, 2) for c in codes], np.repeat(y, 2)
    found, once = components(*twice, deterministic=True), components(codes, y)
    assert found.of("judge draw").variance is None
    assert found.merged == once.merged
    unsaid = components(*twice)
    assert unsaid.of("judge draw").variance == 0
    assert unsaid.of("judge draw").high is None
    assert "every judge draw of a draw is the same" in unsaid.notes[0]


def test_fixed_tasks_have_a_variance_without_limits_and_one_is_enough() -> None:
    codes, y = drawn((4, 5, 2), (1, 1, 1), seed=7)
    these, like = components(codes, y, fixed=True), components(codes, y)
    assert these.of("draw").variance == pytest.approx(like.of("draw").variance)
    ends = these.of("draw").low, these.of("draw").high
    assert ends[0] is not None
    assert ends[1] is not None
    assert ends[0] < (these.of("draw").variance or 0) < ends[1]
    assert these.of("task").variance == pytest.approx(like.of("task").variance)
    assert these.of("task").low is these.total.high is None
    assert these.notes[0].startswith("these 4 tasks only")
    few = components([c[:10] for c in codes], y[:10], fixed=True)
    assert "draw: no interval (at least 6 draws are needed)" in few.notes
    one = components([c[:10] for c in codes], y[:10], fixed=True)
    assert one.of("task").variance is None
    cells = y[:10].reshape(5, 2)
    close(one.of("draw").variance, cells.mean(axis=1).var(ddof=1) - cells.var(axis=1, ddof=1).mean() / 2)
    close(one.of("draw").share, (one.of("draw").variance or 0) / (one.total.variance or 0))


T, D = [0, 0, 1, 1], [0, 1, 0, 1]
REFUSED: list[tuple[Any, Any, str]] = [
    ([[0] * 4, D], [1.0, 2, 3, 4], "one task: "),
    ([[0, 0, 1, 1], [0] * 4], [1.0, 2, 3, 4], "one draw in every task"),
    ([T, D], [2.0, 2, 2, 2], "constant scores"),
    ([T, D], [2.0, 2, float("nan"), 2], "1 values are NaN"),
    ([T, D], [2.0, 2, 1], "differ in shape"),
    ([T], [1.0, 2, 3, 4], "1 rows of labels"),
    ([[], []], [], "constant scores"),
]


@pytest.mark.parametrize(("codes", "values", "says"), REFUSED)
def test_refused(codes: Any, values: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        components(codes, values)


def test_a_level_of_confidence_is_between_0_and_1() -> None:
    with pytest.raises(ValueError, match="level 95"):
        components([T, D], [1.0, 2, 3, 5], level=95)


# --- the score variance -----------------------------------------------------------------------------------------------


def test_charge_by_hand_and_never_clipped() -> None:
    found = score_variance(list("aaabbb"), [0, 0, 1, 0, 1, 2], [1, 3, 6, 2, 4, 9])
    close(found.judge, 2)
    close(found.between, 34 / 3)
    close(found.by_task, [8 - 2 * 0.75, 13 - 2])
    close(found.noise, 2 * 2.75 / 3)
    close(found.variance.variance, 34 / 3 - 5.5 / 3)
    close(found.reliability, 1 - 5.5 / 34)
    assert score_variance(list("aaaabb"), [0, 0, 1, 1, 0, 1], [0, 4, 4, 0, 3, 3]).by_task.min() < 0


def test_reliability_leaves_out_one_draw_at_a_time_and_is_missing_without_a_second_judge_draw() -> None:
    codes, y = drawn((6, 4, 2), (1, 1, 0.5), seed=8)
    found = score_variance(codes[0], codes[1], y)
    assert found.reliability is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.reliability < found.high < 1
    cells = y.reshape(6, 4, 2)
    close(found.reliability, 1 - cells.var(axis=2, ddof=1).mean() / 2 / cells.mean(axis=2).var(axis=1, ddof=1).mean())
    few = score_variance(codes[0][:8], codes[1][:8], y[:8])
    assert (few.low, few.high) == (None, None)
    alone = score_variance(codes[0][::2], codes[1][::2], y[::2])
    assert (alone.variance.variance, alone.judge, alone.noise, alone.reliability) == (None,) * 4
    assert np.isnan(alone.by_task).all()
    assert alone.notes == ("judge draw not separable from draw: one judge draw in every draw",)
    assert np.isnan(score_variance(["a", "a", "b"], [0, 1, 0], [1, 2, 4]).by_task).all()


# --- two measures ---------------------------------------------------------------------------------------------------


def test_noise_of_shared_calls_is_subtracted_and_separate_calls_share_none() -> None:
    # validity's trap: two measures without anything in common correlate .5 by the noise of one call
    rng = np.random.default_rng(9)
    codes, x = drawn((200, 6, 2), (1, 0.7, 0.0), seed=10)
    _, y = drawn((200, 6, 2), (1, 0.7, 0.0), seed=11)
    noise = rng.normal(size=len(x))
    together = covariances(Scores(codes, x + noise), Scores(codes, y + noise), same_calls=True)
    draw = together.of("draw")
    assert draw.uncorrected is not None
    assert draw.uncorrected > 0.4
    assert draw.low is not None
    assert draw.high is not None
    assert draw.low < 0 < draw.high
    close(together.of("judge draw").covariance, 1, rtol=0.1)
    apart = covariances(Scores(codes, x + noise), Scores(codes, y + rng.normal(size=len(x))), same_calls=False)
    assert apart.of("judge draw").covariance == 0
    assert "so their covariance on this level is 0" in apart.independent


def test_measures_with_calls_of_their_own_are_matched_by_rollout() -> None:
    codes, x = drawn((12, 6, 2), (1, 0.7, 0.3), seed=12)
    _, base = np.unique(codes[1], return_index=True)
    y = x[base] * 2 + np.random.default_rng(13).normal(size=len(base)) * 0.1  # one judge draw of its own
    short = [c[base][3:] for c in codes]
    found = covariances(Scores(codes, x), Scores(short, y[3:]), same_calls=False)
    assert (found.tasks, found.rollouts, found.dropped) == (12, 69, 3)
    assert found.of("draw").covariance is not None
    assert found.of("draw").correlation is None  # the second measure's own component is not separable
    assert found.of("task").correlation is not None
    assert found.inseparable == ("", "judge draw not separable from draw: one judge draw in every draw")


def test_the_jackknife_leaves_out_one_task_at_a_time() -> None:
    codes, x = drawn((7, 4, 3), (1, 1, 0.5), seed=14, lost=0.3)
    y = x + drawn((7, 4, 3), (1, 1, 0.5), seed=15)[1][: len(x)]

    def correlation(kept: Any) -> float:
        sides = [Scores([c[kept] for c in codes], v[kept]) for v in (x, y)]
        found = covariances(sides[0], sides[1], same_calls=True).of("draw").correlation
        assert found is not None
        return found

    left = np.arctanh([correlation(codes[0] != t) for t in range(7)])
    margin = stats.t.ppf(0.975, 6) * (6 / 7 * ((left - left.mean()) ** 2).sum()) ** 0.5
    whole = covariances(Scores(codes, x), Scores(codes, y), same_calls=True).of("draw")
    ends = np.tanh(np.arctanh(correlation(codes[0] >= 0)) + np.array([-margin, margin]))
    close([whole.low, whole.high], ends)


def test_few_tasks_have_no_interval_and_other_labels_are_refused() -> None:
    codes, x = drawn((5, 4, 2), (1, 1, 0.5), seed=16)
    found = covariances(Scores(codes, x), Scores(codes, x), same_calls=True)
    close(found.of("draw").correlation, 1)
    assert found.of("draw").low is None
    assert found.few == "5 tasks: no intervals (at least 6 are needed)"
    with pytest.raises(ValueError, match="differ in their labels"):
        covariances(Scores(codes, x), Scores(codes[::-1], x), same_calls=True)
    with pytest.raises(ValueError, match="no draw has both"):
        covariances(Scores(codes, x), Scores([codes[0] + 9, codes[1]], x), same_calls=False)
