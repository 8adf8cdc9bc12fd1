"""One rollout's path: hand computation, scipy, exact intervals, coverage by simulation, and bisection."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from agentlab.stats.forks.path import End, Path, PathStep, Point, confirm, next_cut, path


def close(found: Any, expected: Any, rtol: float = 1e-9) -> None:
    np.testing.assert_allclose(np.asarray(found, float), np.asarray(expected, float), rtol, 1e-12, equal_nan=False)


def limits(part: Point | PathStep) -> tuple[float, float]:
    assert part.low is not None
    assert part.high is not None
    return part.low, part.high


def quantile(p: float, df: float) -> float:
    return float(np.asarray(stats.t.ppf(p, df)))


def around(mean: float, margin: float) -> list[float]:
    return [mean - margin, mean + margin]


def covers(part: Point | PathStep, truth: float) -> bool:
    low, high = limits(part)
    return low <= truth <= high


def test_points_by_hand() -> None:
    found = path({0: [1, 2, 3], 1: [4, 4, 6, 6]}, level=0.95)
    zero, one = found.points
    assert (zero.mean, zero.forks, zero.df, one.mean, one.df) == (2, 3, 2, 5, 3)
    close([zero.se, one.se], [3**-0.5, (4 / 3 / 4) ** 0.5])
    each = (1 + 0.95**0.5) / 2
    close(limits(zero), around(2, quantile(each, 2) * zero.se))
    close(limits(one), around(5, quantile(each, 3) * one.se))


def test_one_step_is_welchs_test() -> None:
    a, b = np.random.default_rng(1).normal(size=(2, 6))
    (step,) = path({0: a, 3: b[:4]}).steps
    known = stats.ttest_ind(b[:4], a, equal_var=False).confidence_interval(0.95)
    close([*limits(step), step.start, step.cut], [float(known.low), float(known.high), 0, 3])


def test_equal_forks_give_the_quantile_of_the_largest_t() -> None:
    found = path({k: [0.0, 1.0, 2.0, 5.0] for k in range(5)})
    low, high = limits(found.points[2])
    critical = (high - low) / 2 / found.points[2].se
    close((2 * stats.t.cdf(critical, 3) - 1) ** 5, 0.95)


def test_the_end_is_exact_or_carries_judge_noise_only() -> None:
    forks = {0: [0.1, 0.3, 0.2], 1: [0.5, 0.9, 0.7]}
    exact, noisy = path(forks, End(4, 0.75)), path(forks, End(4, 0.75, 0.3, 20))
    assert limits(exact.points[-1]) == (0.75, 0.75)
    assert exact.points[:2] == path(forks).points  # an exact end takes nothing from the others' level
    close(limits(noisy.points[-1]), around(0.75, quantile((1 + 0.95 ** (1 / 3)) / 2, 20) * 0.3))
    close(sum(step.change for step in noisy.steps), 0.75 - 0.2)
    (one, *_), (two, *_) = (limits(run.steps[-1]) for run in (exact, noisy))
    assert two < one


def test_the_decisive_step_is_the_largest_that_excludes_zero() -> None:
    rng = np.random.default_rng(2)
    noise = rng.normal(0, 0.05, (4, 8))
    found = path({k: noise[k] + level for k, level in enumerate((0.5, 0.9, 0.5, 0.55))}, End(4, 0.6))
    assert found.decisive is not None
    assert (found.decisive.start, found.decisive.cut) in {(0, 1), (1, 2)}
    assert found.notes == ()
    flat = path({k: noise[k] for k in range(4)})
    assert flat.decisive is None
    assert flat.notes == ("no decisive round found with this many forks (8 or more per cut)",)
    wide = path({0: [-9.0, 9.0], 1: [0.0, 0.2, 0.1], 2: [1.0, 1.1, 1.2, 1.1]})
    assert wide.decisive is not None
    assert wide.decisive.start == 1


def test_forks_that_all_agree_are_no_certainty() -> None:
    blind = path({0: [1.0, 1.0, 1.0], 1: [0.0, 0.5, 1.0]})
    assert blind.points[0].low is None
    assert blind.steps[0].low is None
    assert blind.decisive is None
    assert "no interval at cut 0" in blind.notes[0]
    seen = path({0: [1.0, 1.0, 1.0], 1: [0.0, 0.5, 1.0]}, scale=(0, 1))
    close(limits(seen.points[0]), [(1 - 0.95**0.5) ** (1 / 3), 1])
    low, high = limits(seen.steps[0])
    assert low < -0.5 < high


def test_outcomes_at_the_ends_of_their_scale_get_exact_intervals() -> None:
    found = path({0: [0, 0, 0, 10, 10], 1: [10] * 5}, scale=(10, 0))
    known = stats.binomtest(2, 5).proportion_ci(0.95**0.5, method="exact")
    close(limits(found.points[0]), [10 * float(known.low), 10 * float(known.high)])
    close(limits(found.points[1]), [10 * ((1 - 0.95**0.5) / 2) ** (1 / 5), 10])
    assert found.decisive is None  # 2 of 5 against 5 of 5 is no finding
    assert path({0: [0] * 12, 1: [1] * 12}, scale=(0, 1)).decisive is not None


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="two forks or more are needed"):
        path({0: [1.0], 1: [1.0, 2.0]})
    with pytest.raises(ValueError, match="no number"):
        path({0: [1.0, float("nan")], 1: [1.0, 2.0]})
    with pytest.raises(ValueError, match="outside the scale from 0 to 1"):
        path({0: [1.0, 2.0], 1: [0.0, 1.0]}, scale=(0, 1))
    with pytest.raises(ValueError, match="the end after all"):
        path({0: [1.0, 2.0], 3: [1.0, 2.0]}, End(3, 1.0))
    with pytest.raises(ValueError, match="two or more are needed"):
        path({0: [1.0, 2.0]})


def test_a_family_of_possible_cuts_widens_the_band() -> None:
    forks = {0: [0.0, 1.0, 2.0], 4: [1.0, 2.0, 4.0]}
    assert limits(path(forks, family=9).points[0])[0] < limits(path(forks).points[0])[0]
    assert path(forks, family=1) == path(forks)


def test_a_selected_step_is_flattered_and_fresh_forks_are_not() -> None:
    rng, truth = np.random.default_rng(3), np.array([0.0, 0.5, 1.0, 1.5, 2.0])
    selected, fresh, told = list[float](), list[float](), 0
    for _ in range(300):
        found = path({k: rng.normal(m, 1.0, 5) for k, m in enumerate(truth)})
        if found.decisive is None:
            continue
        told += 1
        selected.append(abs(found.decisive.change))
        before, after = (rng.normal(truth[k], 1.0, 5) for k in (found.decisive.start, found.decisive.cut))
        again = confirm(before, after)
        fresh.append(again.change * float(np.sign(found.decisive.change)))
    assert told > 20
    assert np.mean(selected) > 1.5
    assert abs(float(np.mean(fresh)) - 0.5) < 4 * float(np.std(fresh)) / told**0.5
    assert float(np.mean(fresh)) < 1.0


def test_confirm_is_welch_at_plain_level_and_takes_the_end() -> None:
    a, b = np.random.default_rng(4).normal(size=(2, 5))
    known = stats.ttest_ind(b, a, equal_var=False).confidence_interval(0.9)
    close(limits(confirm(a, b, level=0.9)), [float(known.low), float(known.high)])
    one = stats.ttest_1samp(a, 0.0).confidence_interval(0.95)
    close(limits(confirm(a, End(1, 3.0))), [3 - float(one.high), 3 - float(one.low)])
    low, high = limits(confirm([0, 0, 0, 0], [1, 1, 1, 1], scale=(0, 1)))
    assert 0 < low < high == 1


def simulate(rng: np.random.Generator, forks: tuple[int, ...]) -> tuple[Path, list[float]]:
    """A random walk's path with unequal forks and unequal variances: what is found, and the true expectations."""
    spread = np.linspace(2, 0.5, len(forks))
    truth = np.cumsum(rng.normal(size=len(forks) + 1))
    drawn = {k: rng.normal(truth[k], spread[k], n) for k, n in enumerate(forks)}
    return path(drawn, End(len(forks), float(truth[-1]))), [float(m) for m in truth]


def test_the_whole_band_covers_at_its_level() -> None:
    rng, runs, hits = np.random.default_rng(5), 400, np.zeros(2)
    for _ in range(runs):
        found, truth = simulate(rng, (4, 5, 8, 6))
        hits += [
            all(covers(p, truth[p.cut]) for p in found.points),
            all(covers(s, truth[s.cut] - truth[s.start]) for s in found.steps),
        ]
    assert abs(hits[0] / runs - 0.95) < 0.035
    assert hits[1] / runs > 0.93


def test_the_band_of_hits_and_misses_covers_at_least_its_level() -> None:
    rng, runs, hits, shares = np.random.default_rng(6), 300, np.zeros(2), (0.05, 0.3, 0.9)
    for _ in range(runs):
        found = path({k: (rng.random(6) < p).astype(float) for k, p in enumerate(shares)}, scale=(0, 1))
        hits += [
            all(covers(p, shares[p.cut]) for p in found.points),
            all(covers(s, shares[s.cut] - shares[s.start]) for s in found.steps),
        ]
    assert (hits / runs > 0.95).all()


def bisect(truth: list[float]) -> tuple[list[int], int | None]:
    """The cuts that a bisection asks for when forks tell the truth, and where it ends up."""
    known, asked = {0: truth[0], len(truth) - 1: truth[-1]}, list[int]()
    while (cut := next_cut(known)) is not None:
        assert cut not in known
        known[cut] = truth[cut]
        asked.append(cut)
    cuts = sorted(known)
    widest = max(range(1, len(cuts)), key=lambda i: abs(known[cuts[i]] - known[cuts[i - 1]]))
    return asked, cuts[widest]


def test_bisection_finds_a_jump_in_about_log_many_cuts() -> None:
    for jump in range(1, 33):
        asked, found = bisect([0.0] * jump + [1.0] * (33 - jump))
        assert found == jump
        assert len(asked) == 5
    assert next_cut({0: 0.2, 1: 0.9}) is None
    assert next_cut({0: 0.5, 8: 0.5}) is None
    assert next_cut({0: 0.0, 3: 0.4, 10: 0.8}) == 6
    with pytest.raises(ValueError, match="starts from two"):
        next_cut({0: 1.0})


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=12))
def test_bisection_ends_and_its_last_gap_is_the_widest(truth: list[float]) -> None:
    asked, found = bisect(truth)
    assert len(asked) == len(set(asked)) <= len(truth) - 2
    assert found is not None


@given(st.lists(st.lists(st.floats(-5, 5, width=32), min_size=2, max_size=5), min_size=2, max_size=5), st.floats(-3, 3))
def test_steps_sum_to_the_whole_and_shifts_do_nothing(outcomes: list[list[float]], shift: float) -> None:
    forks = {k: np.array(x) for k, x in enumerate(outcomes)}
    found, moved = path(forks, scale=(-5, 5)), path({k: x + shift for k, x in forks.items()}, scale=(-9, 9))
    np.testing.assert_allclose(
        sum(step.change for step in found.steps), np.mean(outcomes[-1]) - np.mean(outcomes[0]), atol=1e-9
    )
    np.testing.assert_allclose([s.change for s in moved.steps], [s.change for s in found.steps], atol=1e-9)
    assert all(p.low is not None and p.high is not None and p.low <= p.mean <= p.high for p in found.points)
