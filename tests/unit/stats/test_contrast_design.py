"""Adjusted p-values, looks, effect sizes and power, against statsmodels, published numbers and small simulations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

from agentlab.stats.contrasts.effect_size import draw_sd, noncentrality, over_draws, over_tasks
from agentlab.stats.contrasts.equivalence import equivalence_p
from agentlab.stats.contrasts.holm import holm
from agentlab.stats.contrasts.paired import paired
from agentlab.stats.contrasts.power import OutcomeNoise, detectable, power_of, tasks_needed
from agentlab.stats.contrasts.sequential import Spend, boundaries, level, repeated_p, spent
from agentlab.stats.interval import Interval, t_interval
from tests.support.numbers import close, grid

chances = st.lists(st.floats(0, 1), min_size=1, max_size=9)


# --- Holm -----------------------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(chances)
def test_holm_is_that_of_statsmodels(p: list[float]) -> None:
    known = multipletests(p, method="holm")[1]  # pyright: ignore[reportUnknownVariableType]
    close(holm(p), known, rtol=1e-12, atol=1e-15)


@given(chances, st.data())
def test_holm_is_monotone_and_never_below_p(p: list[float], data: st.DataObject) -> None:
    found = holm(p)
    assert all(one is not None and one >= was for one, was in zip(found, p, strict=True))
    at = data.draw(st.integers(0, len(p) - 1))
    raised = holm([*p[:at], min(1.0, p[at] + 0.1), *p[at + 1 :]])
    assert all(now is not None and was is not None and now >= was for now, was in zip(raised, found, strict=True))
    assert [one for _, one in sorted(zip(p, found, strict=True), key=lambda pair: pair[0])] == sorted(
        one for one in found if one is not None
    )


def test_what_has_no_test_stays_in_the_family() -> None:
    assert holm([0.01, None, 0.03]) == [pytest.approx(0.03), None, pytest.approx(0.06)]
    assert holm([]) == []
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="from 0 to 1"):
            holm([wrong])


@given(chances)
def test_hypotheses_of_which_one_can_be_true_share_a_place_in_the_family(p: list[float]) -> None:
    close(holm(p, range(len(p))), holm(p), rtol=1e-12)
    twice = holm([*p, *p], [*range(len(p)), *range(len(p))])
    assert all(now is not None and now <= 1 and now <= was * len(p) + 1e-12 for now, was in zip(twice, p, strict=False))
    assert all(now is not None and now >= was for now, was in zip(twice, p, strict=False))


def test_a_margin_costs_a_family_of_one_nothing() -> None:
    assert holm([0.04, 0.03], ["s", "s"]) == [pytest.approx(0.04), pytest.approx(0.03)]
    assert holm([0.01, 0.02, 0.04, None], ["s", "t", "s", "t"]) == [0.02, 0.04, pytest.approx(0.08), None]


def equivalent(difference: float, se: float, df: int, margin: float) -> float:
    """By the intervals of Student's t."""
    p = equivalence_p(lambda level: t_interval(difference, se, df, level), margin)
    assert p is not None
    return p


@pytest.mark.parametrize(("margin", "effects"), [(0.6, (0.0, 0.6)), (0.6, (0.6, 0.6)), (0.6, (0.0, 0.0))])
def test_differences_and_equivalences_together_are_false_in_five_of_a_hundred(
    margin: float, effects: tuple[float, float]
) -> None:
    rng, tasks, wrong, experiments = np.random.default_rng(8), 12, 0, 1000
    for _ in range(experiments):
        p: list[float | None] = []
        for effect in effects:
            d = rng.normal(effect, 1, tasks)
            se, mean = float(d.std(ddof=1)) / tasks**0.5, float(d.mean())
            p += [2 * float(stats.t.sf(abs(mean) / se, tasks - 1)), equivalent(mean, se, tasks - 1, margin)]
        adjusted = holm(p, ["s", "s", "t", "t"])
        false = [(0, 2)[i] if effect == 0 else (1, 3)[i] for i, effect in enumerate(effects)]
        wrong += any(adjusted[i] is not None and (adjusted[i] or 0) <= 0.05 for i in false)
    assert wrong / experiments < 0.065


def test_equivalence_is_the_interval_within_the_margin() -> None:
    for d in np.random.default_rng(4).normal(0.1, 1, (50, 9)):
        mean, se = float(d.mean()), float(d.std(ddof=1)) / 3
        above = stats.ttest_1samp(d, -0.7, alternative="greater").pvalue
        below = stats.ttest_1samp(d, 0.7, alternative="less").pvalue
        p = equivalent(mean, se, 8, 0.7)
        assert p == (pytest.approx(max(above, below), rel=1e-6) if max(above, below) < 0.499 else 1)
        interval = t_interval(mean, se, 8, 0.9)
        assert (p < 0.05) == (interval.low > -0.7 and interval.high < 0.7)
    assert equivalence_p(lambda level: None, 0.7) is None
    assert equivalence_p(lambda level: t_interval(0.0, 1e-6, 8, level), 1.0) == pytest.approx(1e-9)
    with pytest.raises(ValueError, match="above 0"):
        equivalence_p(lambda level: None, 0.0)


# --- looks ----------------------------------------------------------------------------------------------------------

THIRDS = (1 / 3, 2 / 3, 1.0)
FIFTHS = (0.2, 0.4, 0.6, 0.8, 1.0)


def test_boundaries_are_the_published_ones() -> None:
    close(boundaries(THIRDS, "obrien_fleming"), [3.710, 2.511, 1.993], atol=6e-4)
    close(boundaries(THIRDS, "pocock"), [2.279, 2.295, 2.296], atol=6e-4)
    close(boundaries(FIFTHS, "obrien_fleming"), [4.877, 3.357, 2.680, 2.290, 2.031], atol=6e-4)
    close(boundaries(FIFTHS, "pocock"), [2.438, 2.427, 2.410, 2.397, 2.386], atol=6e-4)
    close(boundaries([1.0], "pocock"), [1.959964], atol=1e-6)


def test_boundaries_are_those_of_the_multivariate_normal() -> None:
    t = np.array([0.3, 0.45, 1.0])
    c = np.array(boundaries(t.tolist(), "obrien_fleming", 0.1))
    correlation = np.sqrt(np.minimum.outer(t, t) / np.maximum.outer(t, t))
    for k in (2, 3):
        normal = stats.multivariate_normal(np.zeros(k), correlation[:k, :k], seed=1)  # pyright: ignore
        inside = float(normal.cdf(c[:k], lower_limit=-c[:k]))  # pyright: ignore
        close(1 - inside, spent(float(t[k - 1]), "obrien_fleming", 0.1), atol=2e-4)


@pytest.mark.parametrize("spend", ["obrien_fleming", "pocock"])
def test_looks_close_together_and_nothing_left_to_spend(spend: Spend) -> None:
    one, two = boundaries([0.5, 1.0], spend), boundaries([0.5, 0.5001, 1.0], spend)
    close([two[0], two[2]], one, atol=2e-3)
    assert boundaries([0.01, 1.0], "obrien_fleming")[0] == float("inf")
    close(boundaries([0.01, 1.0], "obrien_fleming")[1], 1.959964, atol=1e-5)
    for wrong in ([], [0.0, 1.0], [0.5, 0.5], [0.9, 0.5], [0.5, 1.2]):
        with pytest.raises(ValueError, match="share"):
            boundaries(wrong, spend)


@given(st.floats(1e-6, 0.9), st.sampled_from([THIRDS, THIRDS[:2], (0.7,), (1.0,)]))
def test_a_repeated_p_rejects_with_the_boundary_and_is_never_below_its_look(p: float, looks: tuple[float, ...]) -> None:
    found = repeated_p(p, looks, "obrien_fleming")
    assert p * (1 - 1e-9) <= found <= 1
    limit = level(looks, "obrien_fleming")
    if abs(p - limit) > 1e-6:
        assert (found <= 0.05) == (p <= limit)


@pytest.mark.parametrize("spend", ["obrien_fleming", "pocock"])
def test_three_looks_at_task_means_give_five_in_a_hundred(spend: Spend) -> None:
    """Twelve tasks, three looks at 2, 4 and 6 draws, and no effect; with and without slopes of tasks."""
    rng, runs, limits = np.random.default_rng(1), 4000, [level(THIRDS[: k + 1], spend) for k in range(3)]
    rates: list[float] = []
    for slope in (0.0, 1.0):
        d = rng.normal(size=(runs, 12, 6)) + slope * rng.normal(size=(runs, 12, 1))
        crossed = np.zeros((2, runs), dtype=bool)
        for k, limit in enumerate(limits):
            p = stats.ttest_1samp(d[:, :, : 2 * k + 2].mean(axis=2), 0.0, axis=1).pvalue
            crossed |= np.stack([p <= limit, p <= 0.05])
        rates += crossed.mean(axis=1).tolist()
    assert 0.04 < rates[0] < 0.062
    assert rates[2] < 0.055, "tasks that differ make the looks more alike: fewer false alarms"
    assert rates[1] > 0.09, "what alpha spending is for"


# --- effects --------------------------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(st.floats(-40, 40, width=16), st.floats(1, 400))
def test_the_noncentrality_puts_t_at_both_tails(t: float, df: float) -> None:
    low, high = noncentrality(t, df)
    assert low < t < high
    close([stats.nct.sf(t, df, low), stats.nct.cdf(t, df, high)], [0.025, 0.025], rtol=1e-5)


def test_effects_by_hand() -> None:
    like = t_interval(1.2, 0.4, 8)
    found = over_tasks(1.2, like, 9)
    close(found.value, 1.0)  # t = 3 = sqrt(9) d_z
    low, high = noncentrality(3, 8)
    close([found.low, found.high], [low / 3, high / 3])
    draws = over_draws(1.2, Interval(0, 0, 0.4, 8, 0.5), 0.8)
    assert draws is not None
    close([draws.value, draws.low, draws.high], [1.5, low * 0.5, high * 0.5])
    assert over_draws(1.2, like, 0.0) is None
    close(draw_sd(([7, 7, 9, 9], [0, 2, 5, 5]), ([7, 7, 9, 9], [1, 1, 0, 4])), ((2 + 8) / 2 / 2) ** 0.5)
    assert draw_sd(([1, 2], [0, 1]), ([1, 2], [0, 1])) is None
    with pytest.raises(ValueError, match="at least 6"):
        over_tasks(1, like, 5)
    with pytest.raises(ValueError, match="finite"):
        noncentrality(1, 0)


def test_intervals_of_effects_cover() -> None:
    rng, hits = np.random.default_rng(2), np.zeros(2)
    tasks, draws = grid(8, 4)
    for _ in range(500):
        a = rng.normal(size=(8, 4)) + 0.5 + rng.normal(0, 0.5, (8, 1))
        b = rng.normal(size=(8, 4))
        found = paired(tasks, draws, a.ravel(), b.ravel())
        assert found.difference is not None
        assert found.new_tasks is not None
        z = over_tasks(found.difference, found.new_tasks, 8)
        hits[0] += z.low <= 0.5 / (0.25 + 2 / 4) ** 0.5 <= z.high
        fixed = paired(
            tasks, draws, (a - a.mean(axis=1, keepdims=True) + rng.normal(0.5, 0.5, (8, 1))).ravel(), b.ravel()
        )
        shift = rng.normal(0.4, 0, (8, 1))
        x = rng.normal(size=(8, 4)) + shift
        fixed = paired(tasks, draws, x.ravel(), b.ravel())
        within = draw_sd((tasks, x.ravel()), (tasks, b.ravel()))
        assert fixed.difference is not None
        assert fixed.these_tasks is not None
        assert within is not None
        w = over_draws(fixed.difference, fixed.these_tasks, within)
        assert w is not None
        assert w.low is not None
        assert w.high is not None
        hits[1] += w.low <= 0.4 <= w.high
    assert np.all(np.abs(hits / 500 - 0.95) < 0.03), hits


# --- power ----------------------------------------------------------------------------------------------------------


def test_tasks_needed_is_millers_number_with_t_for_z() -> None:
    z = (stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) ** 2 * (1 / 9) / 0.03**2
    close(z, 968.997, atol=1e-3)
    found = tasks_needed(0.03, 1, OutcomeNoise(0, 1 / 3))
    assert found is not None
    assert found[0] == found[1]
    assert 969 <= found[0] <= 972
    close(detectable(found[0], 1, OutcomeNoise(0, 1 / 3)).new_tasks, 0.03, rtol=1e-3)


def test_power_is_that_of_simulated_experiments() -> None:
    rng, noise = np.random.default_rng(3), OutcomeNoise(0.3, 0.1, 0.4)
    a = rng.normal(size=(4000, 8, 5)) * 0.3
    b = 0.4 * a + (1 - 0.16) ** 0.5 * 0.3 * rng.normal(size=a.shape)
    d = (a - b + 0.2 + 0.1 * rng.normal(size=(4000, 8, 1))).mean(axis=2)
    like, these = power_of(0.2, 8, 5, noise)
    close(like, np.mean(stats.ttest_1samp(d, 0.0, axis=1).pvalue < 0.05), atol=0.025)
    assert these is not None
    assert like is not None
    assert these > like
    assert power_of(0.2, 5, 1, noise) == (None, None)


@given(st.floats(0.05, 1), st.floats(0, 1), st.floats(0, 1), st.integers(1, 20))
def test_the_smallest_difference_has_the_stated_power(effect: float, within: float, between: float, draws: int) -> None:
    noise = OutcomeNoise(within, between)
    found = tasks_needed(effect, draws, noise)
    assert found is not None
    most, least = found
    assert 6 <= least <= most
    power = power_of(effect, most, draws, noise)[0]
    assert power is not None
    assert power >= 0.8 - 1e-9
    if most > 6:
        fewer = power_of(effect, most - 1, draws, noise)[0]
        assert fewer is not None
        assert fewer < 0.8
    smallest = detectable(most, draws, noise).new_tasks
    assert smallest is not None
    assert smallest <= effect * (1 + 1e-9)


def test_power_refuses_what_cannot_be() -> None:
    for wrong in ((-1, 0, 0), (0, -1, 0), (0, 0, 2)):
        with pytest.raises(ValueError, match="SDs"):
            OutcomeNoise(*wrong)
    with pytest.raises(ValueError, match="above 0"):
        tasks_needed(0, 1, OutcomeNoise(1, 1))
    assert tasks_needed(1e-6, 1, OutcomeNoise(1, 1)) is None
