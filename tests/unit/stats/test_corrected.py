"""Means corrected by labels: the formulas by hand, published coverages, and what no label allows to be said."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from agentlab.stats.interval import t_interval
from agentlab.stats.judges.ppi import Corrected, LabelledScores, difference, mean
from agentlab.stats.judges.probes import mean as plain
from agentlab.stats.judges.probes import position, shift, slope
from agentlab.stats.judges.rogan_gladen import Prevalence, prevalence

Array = NDArray[np.float64]
NAN = float("nan")


def hidden(values: Array, kept: int) -> Array:
    """Labels of the first so many."""
    return np.where(np.arange(len(values)) < kept, values, NAN)


def binary(rng: np.random.Generator, n: int, rest: int) -> tuple[Array, Array]:
    """A truth of .6 seen by a judge with sensitivity .9 and specificity .8."""
    y = (rng.random(n + rest) < 0.6).astype(float)
    return y, np.where(y == 1, rng.random(n + rest) < 0.9, rng.random(n + rest) >= 0.8).astype(float)


def ends(found: Corrected | Prevalence) -> tuple[float, float]:
    interval = found.interval if isinstance(found, Corrected) else found
    assert interval is not None
    assert interval.low is not None
    assert interval.high is not None
    return interval.low, interval.high


# --- prediction-powered ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("power", [None, 0.0, 0.4, 1.0])
def test_estimate_and_error_by_the_formula(power: float | None) -> None:
    rng = np.random.default_rng(1)
    n, rest = 40, 300
    y = rng.normal(size=n + rest)
    f = 0.7 * y + rng.normal(size=n + rest)
    found = mean(LabelledScores(f, hidden(y, n), n / (n + rest)), power)
    lam = found.power
    assert isinstance(lam, float)
    if power is None:
        best = np.cov(y[:n], f[:n])[0, 1] / ((1 + n / rest) * f.var())
        assert lam == pytest.approx(best)
        assert 0 < lam < 1
    assert found.value == pytest.approx(lam * f[n:].mean() + (y - lam * f)[:n].mean())
    assert found.interval is not None
    variance = lam**2 * f[n:].var() / rest + (y - lam * f)[:n].var(ddof=1) / n
    assert found.interval.se == pytest.approx(variance**0.5, rel=0.01)
    assert found.interval.df == n - 1 - (power is None)
    assert found.judge == pytest.approx(f.mean())


def test_labels_alone_are_a_t_test() -> None:
    y = np.random.default_rng(2).normal(size=12)
    found = mean(LabelledScores(np.zeros(50), np.concatenate([y, np.full(38, NAN)]), 0.24))
    assert found.power == 0.0
    assert found.value == pytest.approx(y.mean())
    assert found.interval is not None
    assert found.interval.se == pytest.approx(y.std(ddof=1) / 12**0.5)
    assert found.interval.df == 11


def test_everything_labelled_is_the_mean_of_the_labels() -> None:
    y = np.random.default_rng(3).normal(size=20)
    found = mean(LabelledScores(y + 1, y, 1.0))
    assert (found.value, found.power) == (pytest.approx(y.mean()), 0.0)


def test_published_variance_ratio_and_coverage() -> None:
    """n 100, N 2000: PPI++ covers as stated with width .137, a naive interval about half, labels alone are wider."""
    rng, runs, rho2 = np.random.default_rng(4), 400, 0.168**2 / (0.24 * 0.2356)
    rows: list[tuple[float, ...]] = []
    for _ in range(runs):
        y, f = binary(rng, 100, 2000)
        judged = LabelledScores(f, hidden(y, 100), 100 / 2100)
        both, alone, rg = mean(judged), mean(judged, 0.0), prevalence(judged)
        naive = 1.96 * (f.mean() * (1 - f.mean()) / 2100) ** 0.5
        inside = [float(low <= 0.6 <= high) for low, high in map(ends, (both, alone, rg))]
        widths = [high - low for low, high in map(ends, (both, alone, rg))]
        rows.append((*inside, float(abs(f.mean() - 0.6) < naive), *widths, both.value or 0, alone.value or 0))
    found = np.array(rows)
    covered, widths = found[:, :4].mean(axis=0), found[:, 4:7].mean(axis=0)
    assert (np.abs(covered[:3] - 0.955) < 0.025).all()
    assert covered[3] == pytest.approx(0.54, abs=0.06)
    assert widths[0] == pytest.approx(0.139, abs=0.003)
    assert widths[1] == pytest.approx(0.193, abs=0.003)
    assert widths[2] > widths[1]
    ratio = found[:, 7].var() / found[:, 8].var()
    assert ratio == pytest.approx(1 - rho2 * 2000 / 2100, abs=0.09)
    assert (widths[0] / widths[1]) ** 2 == pytest.approx(1 - rho2 * 2000 / 2100, abs=0.02)


def test_unequal_probabilities_are_undone() -> None:
    """Labels are drawn five times as often where the score is high; a plain mean of them is far off."""
    rng, found, naive = np.random.default_rng(5), list[tuple[float, bool]](), list[float]()
    for _ in range(300):
        y = rng.normal(size=600)
        f = y + rng.normal(size=600)
        p = np.where(f > 0, 0.25, 0.05)
        labels = np.where(rng.random(600) < p, y, NAN)
        one = mean(LabelledScores(f, labels, p))
        low, high = ends(one)
        found.append((one.value or 0, low <= 0 <= high))
        naive.append(float(np.nanmean(labels)))
    values = np.array(found)
    assert abs(values[:, 0].mean()) < 0.02
    assert abs(np.mean(naive)) > 0.2
    assert 0.92 <= values[:, 1].mean() <= 0.98


def nested(rng: np.random.Generator, tasks: int, draws: int) -> tuple[Array, Array, list[int], NDArray[np.bool_]]:
    """Truth, score, task, and which are labelled: tasks differ in worth and in how the judge errs."""
    where = np.repeat(np.arange(tasks), draws)
    y = rng.normal(size=tasks)[where] + rng.normal(size=tasks * draws) * 0.5
    f = y + rng.normal(0.5, 0.5, tasks)[where] + rng.normal(size=tasks * draws) * 0.3
    return y, f, where.tolist(), (np.arange(tasks * draws) % draws) < 2


def test_clusters_cover_the_mean_over_tasks_and_items_do_not() -> None:
    rng, inside = np.random.default_rng(6), np.zeros(2)
    for _ in range(300):
        y, f, tasks, kept = nested(rng, 14, 10)
        labels = np.where(kept, y, NAN)
        for i, clusters in enumerate((tasks, None)):
            low, high = ends(mean(LabelledScores(f, labels, 0.2, clusters)))
            inside[i] += low <= 0 <= high
    assert inside[0] / 300 == pytest.approx(0.95, abs=0.03)
    assert inside[1] / 300 < 0.85


def test_a_difference_uses_each_conditions_own_labels_and_what_they_share() -> None:
    """The judge flatters the second condition by 1: uncorrected it is ahead, corrected it is behind by .5."""
    rng, rows = np.random.default_rng(7), list[tuple[float, ...]]()
    for _ in range(200):
        worth, slack = rng.normal(size=14)[np.repeat(np.arange(14), 10)], rng.normal(size=(2, 140)) * 0.5
        y = np.stack([worth + 0.5, worth]) + slack
        f = y + np.array([[0.0], [1.0]]) + rng.normal(size=(2, 140)) * 0.3
        tasks, kept = np.repeat(np.arange(14), 10).tolist(), np.arange(140) % 10 < 2
        a, b = (LabelledScores(f[i], np.where(kept, y[i], NAN), 0.2, tasks) for i in (0, 1))
        found = difference(a, b)
        low, high = ends(found)
        apart = sum((one.interval.se**2) for one in (mean(a), mean(b)) if one.interval is not None) ** 0.5
        assert found.interval is not None
        rows.append((found.value or 0, found.judge, low <= 0.5 <= high, found.interval.se / apart))
    value, judge, covered, gain = np.array(rows).mean(axis=0)
    assert value == pytest.approx(0.5, abs=0.03)
    assert judge == pytest.approx(-0.5, abs=0.03)
    assert 0.91 <= covered <= 0.985
    assert gain < 0.6


def test_a_paired_difference_by_hand() -> None:
    rng = np.random.default_rng(8)
    a, b = rng.normal(size=9), rng.normal(size=9)
    found = difference(LabelledScores(a, a, 1.0, range(9)), LabelledScores(b, b, 1.0, range(9)), 0.0)
    assert found.value == pytest.approx((a - b).mean())
    assert found.interval is not None
    assert found.interval.se == pytest.approx((a - b).std(ddof=1) / 3)
    assert found.interval.df == 8


def test_labels_of_one_condition_say_nothing_of_another() -> None:
    y = np.arange(10.0)
    one, other = LabelledScores(y, y, 1.0, range(10)), LabelledScores(y, np.full(10, NAN), NAN, range(10))
    found = difference(one, other)
    assert (found.value, found.interval, found.judge) == (None, None, 0.0)
    assert "the second has no labels of its own" in found.note
    with pytest.raises(ValueError, match="paired by clusters"):
        difference(one, LabelledScores(y, y, 1.0))


def test_too_few_labels_have_no_interval() -> None:
    y = np.arange(10.0)
    assert mean(LabelledScores(y, np.full(10, NAN), NAN)).note == "no labels: the mean is uncorrected"
    assert "3 are needed" in mean(LabelledScores(y, hidden(y, 2), 0.2)).note
    assert "only 1 independent items" in mean(LabelledScores(y, y, 1.0, ["t"] * 10)).note
    assert "do not vary" in mean(LabelledScores(np.ones(5), np.ones(5), 1.0)).note


REFUSED: list[tuple[LabelledScores, str]] = [
    (LabelledScores([0, 1], [0, 1], [0.5, NAN]), "needs the probability"),
    (LabelledScores([0, 1], [0, 1], 0.0), "needs the probability"),
    (LabelledScores([0, 1], [0, 1], 1.5), "needs the probability"),
    (LabelledScores([0, NAN], [0, 1], 1), "every score is finite"),
    (LabelledScores([0, 1], [0, float("inf")], 1), "every score is finite"),
    (LabelledScores([0, 1], [0], 1), "one shape"),
    (LabelledScores([], [], 1), "one shape"),
    (LabelledScores([0, 1], [0, 1], 1, ["a"]), "1 clusters for 2 items"),
    (LabelledScores([0, 1], [0, 1], 1, None, [0, 1]), "weights are above 0"),
]


@pytest.mark.parametrize(("judged", "why"), REFUSED)
def test_wrong_input_is_refused(judged: LabelledScores, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        mean(judged)


def test_a_lambda_outside_is_refused() -> None:
    with pytest.raises(ValueError, match="lambda 2"):
        mean(LabelledScores([0, 1], [0, NAN], 1), 2)


@given(st.integers(0, 10_000), st.floats(-5, 5), st.floats(0.1, 10))
def test_a_change_of_the_unit_changes_nothing_else(seed: int, shifted: float, scaled: float) -> None:
    rng = np.random.default_rng(seed)
    y = rng.normal(size=60)
    f, labels = y + rng.normal(size=60), hidden(y, 15)
    one, other = (
        mean(LabelledScores(f, labels, 0.25)),
        mean(LabelledScores(f * scaled + shifted, labels * scaled + shifted, 0.25)),
    )
    assert one.value is not None
    assert other.value == pytest.approx(one.value * scaled + shifted, abs=1e-9 * max(1, scaled))
    assert other.power == pytest.approx(one.power)


# --- misclassification ----------------------------------------------------------------------------------------------


def counts(positives: Sequence[int], negatives: Sequence[int], rest: Sequence[int]) -> LabelledScores:
    """(judged 1, judged 0) of labelled positives, of labelled negatives, and of those without a label."""
    cells = [(1.0, 1.0, positives[0]), (0.0, 1.0, positives[1]), (1.0, 0.0, negatives[0]), (0.0, 0.0, negatives[1])]
    cells += [(1.0, NAN, rest[0]), (0.0, NAN, rest[1])]
    rows = np.array([(f, y) for f, y, times in cells for _ in range(times)])
    return LabelledScores(rows[:, 0], rows[:, 1], 0.1)


def test_rogan_gladen_by_hand() -> None:
    found = prevalence(counts((9, 1), (2, 8), (49, 31)))  # p .6, sens .9, spec .8: (.6 + .8 - 1) / .7
    assert (found.sensitivity, found.specificity, found.judge) == (pytest.approx(0.9), pytest.approx(0.8), 0.6)
    assert found.value == pytest.approx(4 / 7)
    z, p, s, c = 1.959964, 0.0, 10 / 12, 9 / 12
    p = (60 + z * z / 2) / (100 + z * z)
    theta = (p + c - 1) / (s + c - 1)
    noise = (s * (1 - s) / 12, c * (1 - c) / 12)
    spread = p * (1 - p) / (100 + z * z) + theta**2 * noise[0] + (1 - theta) ** 2 * noise[1]
    centre = theta + 2 * z * z * (theta * noise[0] - (1 - theta) * noise[1])
    margin = z * spread**0.5 / (s + c - 1)
    assert (found.low, found.high) == (pytest.approx(max(centre - margin, 0)), pytest.approx(min(centre + margin, 1)))


def test_rogan_gladen_does_not_mind_where_labels_come_from() -> None:
    """Labels of positives are five times as frequent as among all; a mean corrected by its error is off."""
    rng, found = np.random.default_rng(9), list[float]()
    for _ in range(200):
        y, f = binary(rng, 0, 2000)
        kept = rng.random(2000) < np.where(y == 1, 0.1, 0.02)
        judged = LabelledScores(f, np.where(kept, y, NAN), 0.05)
        found.append(prevalence(judged).value or 0)
    assert np.mean(found) == pytest.approx(0.6, abs=0.02)


def test_clusters_never_narrow_it() -> None:
    judged = counts((18, 2), (4, 16), (98, 62))
    alone = prevalence(judged)
    tasks = prevalence(LabelledScores(judged.scores, judged.labels, 0.1, [i % 8 for i in range(200)]))
    blocks = prevalence(LabelledScores(judged.scores, judged.labels, 0.1, [i // 10 for i in range(200)]))
    widths = [high - low for low, high in map(ends, (alone, tasks, blocks))]
    assert widths[0] < widths[1] < widths[2]
    assert tasks.value == pytest.approx(alone.value)


NONE: list[tuple[LabelledScores, str]] = [
    (counts((5, 5), (5, 5), (10, 10)), "does not discriminate"),
    (counts((0, 0), (2, 8), (10, 10)), "no label of a positive"),
    (counts((9, 1), (0, 0), (10, 10)), "no label of a negative"),
    (counts((0, 0), (0, 0), (10, 10)), "no labels"),
]


@pytest.mark.parametrize(("judged", "why"), NONE)
def test_what_cannot_be_corrected_says_why(judged: LabelledScores, why: str) -> None:
    found = prevalence(judged)
    assert (found.value, found.low, found.high) == (None, None, None)
    assert why in found.note


def test_an_estimate_outside_is_put_on_the_edge() -> None:
    found = prevalence(counts((19, 1), (4, 16), (2, 98)))
    assert (found.value, found.low) == (0.0, 0.0)
    assert "outside [0, 1]" in found.note


def test_more_than_two_values_are_refused() -> None:
    with pytest.raises(ValueError, match="0 or 1"):
        prevalence(LabelledScores([0, 0.5], [0, 1], 1.0))


# --- probes ---------------------------------------------------------------------------------------------------------


def test_slopes_are_within_tasks() -> None:
    """Long tasks are good ones, but within a task length is worth .2 for e times as much."""
    rng = np.random.default_rng(10)
    tasks = np.repeat(np.arange(12), 8)
    length = rng.normal(size=12)[tasks] * 3 + rng.normal(size=96)
    found = slope(0.2 * length + 2.0 * tasks + rng.normal(size=96) * 0.1, length, tasks.tolist())
    assert found.value == pytest.approx(0.2, abs=0.03)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.2 < found.high
    assert found.n == 12
    assert "does not vary within any task or cluster" in slope([1, 2], [1, 1], ["t", "t"]).notes[0]
    assert "one task or cluster only" in slope([1, 2, 3], [1, 2, 5], ["t", "t", "u"]).notes[0]


def test_a_slope_over_equal_clusters_has_the_t_of_their_number() -> None:
    """By hand: x is -1 and 1 in each of six tasks, so that each has its own slope, and the slope is their mean."""
    slopes = np.array([1.0, 3.0, 2.0, 5.0, 4.0, 3.0])
    tasks, x = np.repeat(np.arange(6), 2), np.tile([-1.0, 1.0], 6)
    found = slope(slopes[tasks] * x + 7.0 * tasks, x, tasks.tolist())
    by_hand = t_interval(slopes.mean(), slopes.std(ddof=1) / 6**0.5, 5)
    assert (found.value, found.low, found.high) == pytest.approx((slopes.mean(), by_hand.low, by_hand.high))
    twice = np.repeat(np.arange(12), 2)
    copied = slope(slopes[twice % 6] * np.tile(x, 2), np.tile(x, 2), twice.tolist(), {t: t % 6 for t in range(12)})
    assert (copied.low, copied.high, copied.n) == pytest.approx((found.low, found.high, 6)), (
        "a copied task adds nothing"
    )


@pytest.mark.parametrize("sizes", [(3,) * 10, (1, 1, 1, 2, 2, 4, 6, 8), (12, *[1] * 12)])
def test_slopes_and_shifts_know_that_tasks_share_a_source(sizes: tuple[int, ...]) -> None:
    """False alarms where truly nothing differs; with clusters ignored they are 9 to 25 %."""
    rng, source = np.random.default_rng(3), np.repeat(np.arange(len(sizes)), sizes)
    home, count = dict(enumerate(source.tolist())), 250
    tasks, alarms = np.repeat(np.arange(len(source)), 4), np.zeros(3)
    for _ in range(count):
        own = (0.5 * rng.normal(size=len(sizes))[source] + 0.5 * rng.normal(size=len(source)))[tasks]
        x, noise = rng.normal(size=(2, len(tasks)))
        found = (
            slope(own * x + 0.3 * noise, x, tasks.tolist(), home),
            shift(x, x + own + 0.3 * noise, tasks.tolist(), home).mean,
            shift(x, x + own + 0.3 * noise, tasks.tolist()).mean,
        )
        alarms += [estimate.p is not None and estimate.p <= 0.05 for estimate in found]
    assert (alarms[:2] / count <= 0.08).all()
    assert alarms[2] / count > 0.08


def test_position_counts_both_orders() -> None:
    found = position([1, 1, 0.5, 0, 0, NAN], [1, 0, 0.5, 0, 1, 1], "aabbcc")
    assert found.flips == (1, 1)
    assert found.consistent.value == pytest.approx((0.5 + 1 + 0) / 3)
    assert found.first.value == pytest.approx((0.25 + 0 - 0.5) / 3)
    always = position([1, 1, 1], [0, 0, 0], "abc")
    assert (always.first.value, always.consistent.value, always.flips) == (0.5, 0.0, (3, 0))
    with pytest.raises(ValueError, match="an outcome"):
        position([2], [0], "a")


def test_a_shift_is_paired() -> None:
    found = shift([1, 2, 3, 4], [2, 3, 4, 5.5], "aabb")
    assert found.mean.value == pytest.approx((1 + 1.25) / 2)
    assert (found.equal, found.rank) == (0.0, pytest.approx(1.0))
    assert shift([1, 1, 1], [1, 2, 3], "abc").rank is None
    assert shift([NAN], [1], "a").mean.notes == ("no values",)


@pytest.mark.parametrize("function", [slope, shift])
def test_probes_refuse_wrong_shapes(function: Any) -> None:
    with pytest.raises(ValueError, match="one length"):
        function([1, 2], [1, 2], ["a"])
    with pytest.raises(ValueError, match="infinite"):
        function([1, float("inf")], [1, 2], ["a", "b"])
    assert "one cluster" in plain([1, 2], ["t", "t"]).notes[0]
