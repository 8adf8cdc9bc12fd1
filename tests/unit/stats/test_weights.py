"""Log-weights, resampling and probabilities of rare events: properties and known answers."""

import math
import random
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlab.stats.particles.rare import inverse_estimate, inverse_limits, mean_evidence, pooled_attempts
from agentlab.stats.particles.weights import Scheme, ancestors, effective_size, log_mean, log_sum, shares

SCHEMES: tuple[Scheme, ...] = get_args(Scheme)
numbers = st.floats(-50, 50) | st.just(-math.inf)
some = st.lists(numbers, min_size=1, max_size=12).filter(lambda weights: max(weights) > -math.inf)


@given(some)
def test_shares_sum_to_one_and_the_effective_size_lies_between_one_and_all(weights: list[float]) -> None:
    assert math.isclose(math.fsum(shares(weights)), 1)
    assert 1 - 1e-9 <= effective_size(weights) <= len(weights) + 1e-9
    assert math.isclose(effective_size([0.0] * len(weights)), len(weights))


@given(some, st.floats(-100, 100))
def test_a_constant_factor_is_added_to_the_log_and_changes_no_share(weights: list[float], factor: float) -> None:
    scaled = [weight + factor for weight in weights]
    assert math.isclose(log_sum(scaled), log_sum(weights) + factor, abs_tol=1e-9)
    assert shares(scaled) == pytest.approx(shares(weights))


@given(some, st.sampled_from(SCHEMES), st.integers(0, 10**6))
def test_resampling_keeps_the_size_and_never_a_zero_weight(weights: list[float], scheme: Scheme, seed: int) -> None:
    draws = random.Random(seed)
    chosen = ancestors(weights, scheme, [draws.random() for _ in weights])
    assert len(chosen) == len(weights)
    assert chosen == sorted(chosen)
    assert all(weights[i] > -math.inf for i in chosen)
    if scheme != "multinomial":  # as often as its share says, but for less than one copy more or fewer
        for i, share in enumerate(shares(weights)):
            assert chosen.count(i) >= math.floor(share * len(weights) - 1e-6) - (scheme == "systematic")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_scheme_copies_a_particle_as_often_as_its_share_says(scheme: Scheme) -> None:
    weights, draws = [math.log(share) for share in (0.5, 0.3, 0.15, 0.05)], random.Random(1)
    counts, times = [0] * 4, 4000
    for _ in range(times):
        for i in ancestors(weights, scheme, [draws.random() for _ in weights]):
            counts[i] += 1
    assert [count / (4 * times) for count in counts] == pytest.approx([0.5, 0.3, 0.15, 0.05], abs=0.015)


def test_evidence_of_several_draws_is_averaged_as_weights() -> None:
    assert log_mean([math.log(0.1), math.log(0.3)]) == pytest.approx(math.log(0.2))
    assert log_mean([-math.inf, math.log(0.3)]) == pytest.approx(math.log(0.15))


def stopped(p: float, wanted: int, most: int) -> list[tuple[float, int, int]]:
    """Probability, successes and attempts of every way in which inverse sampling with a cap can end."""
    ends = [
        (math.comb(k - 1, wanted - 1) * p**wanted * (1 - p) ** (k - wanted), wanted, k) for k in range(wanted, most + 1)
    ]
    return ends + [(math.comb(most, s) * p**s * (1 - p) ** (most - s), s, most) for s in range(wanted)]


@given(st.floats(0.01, 0.99), st.integers(2, 5), st.integers(6, 30))
def test_the_estimate_after_waiting_for_successes_is_unbiased_also_with_a_cap(p: float, wanted: int, most: int) -> None:
    ends = stopped(p, wanted, most)
    assert math.isclose(math.fsum(chance for chance, _, _ in ends), 1, rel_tol=1e-9)
    mean = math.fsum(chance * (inverse_estimate(s, k, wanted) or 0.0) for chance, s, k in ends)
    assert math.isclose(mean, p, rel_tol=1e-9)


@pytest.mark.parametrize("p", [0.05, 0.2, 0.5])
def test_the_limits_cover_at_least_as_often_as_they_say(p: float) -> None:
    wanted, most, covered = 3, 60, 0.0
    for chance, successes, attempts in stopped(p, wanted, most):
        limits = inverse_limits(successes, attempts, censored=successes < wanted)
        covered += chance * (limits.low <= p <= limits.high)
    assert covered >= 0.95


def test_one_success_has_limits_and_no_estimate() -> None:
    assert inverse_estimate(1, 40, 1) is None
    assert pooled_attempts([1], [40], 1).value is None
    assert pooled_attempts([1, 1, 1], [40, 20, 40], 1).value == pytest.approx(2 / 99)
    assert "unbiased" in pooled_attempts([1], [40], 1).notes[0]
    assert inverse_limits(0, 10, censored=True).low == 0
    assert inverse_limits(0, 10, censored=True).high == pytest.approx(1 - 0.025**0.1)


def test_a_mean_of_evidence_has_an_interval_from_ten_draws_on() -> None:
    assert mean_evidence([0.1] * 9).low is None
    assert mean_evidence([0.0] * 11 + [0.1]).low is None
    found = mean_evidence([0.1, 0.2, 0.1, 0.3, 0.3] * 2)
    assert found.value == pytest.approx(0.2)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.2 < found.high
    assert mean_evidence([0.0] * 6).notes[0].startswith("no population reached the event")
