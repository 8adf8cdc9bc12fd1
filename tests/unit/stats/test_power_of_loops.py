"""What whole loops can find: known answers, and the power of Welch's test on simulated loops."""

import numpy as np
import pytest
from scipy import stats

from agentlab.stats.contrasts.pilot import training_sds
from agentlab.stats.contrasts.power import OutcomeNoise, detectable, power_of, smallest_shift
from agentlab.stats.contrasts.power_of_loops import LoopDesign
from agentlab.stats.contrasts.replicated import independent, matched

NOISE, TRAINING = OutcomeNoise(0.4, 0.1), 0.08


def loops(rng: np.random.Generator, design: LoopDesign, count: int) -> np.ndarray:
    """The means of the loops of one arm in many experiments."""
    sd = (TRAINING**2 + NOISE.within**2 / (design.tasks * design.draws)) ** 0.5
    return rng.normal(0, sd, (count, design.replicates))


@pytest.mark.parametrize("replicates", [2, 3, 5])
def test_a_detectable_difference_is_found_by_welch_in_four_of_five_experiments(replicates: int) -> None:
    rng, design = np.random.default_rng(replicates), LoopDesign(replicates, 6, 4)
    least = design.detectable(NOISE, TRAINING)
    a, b = loops(rng, design, 1500) + least, loops(rng, design, 1500)
    tests = [independent(*arms) for arms in zip(a, b, strict=True)]
    found = np.mean([test is not None and test.p <= 0.05 for test in tests])
    assert found == pytest.approx(0.8, abs=4 * (0.16 / 1500) ** 0.5)
    assert design.chance(least, NOISE, TRAINING) == pytest.approx(0.8, abs=1e-6)


def test_two_loops_find_far_less_than_equal_variances_would_let_think() -> None:
    design = LoopDesign(2, 6, 4)
    assert design.detectable(NOISE, TRAINING) > 1.5 * smallest_shift(2) * design.error(NOISE, TRAINING)


def test_gains_are_found_by_the_paired_t() -> None:
    design = LoopDesign(4, 6, 4, gain=True)
    error = ((TRAINING**2 + 2 * 0.16 / 24) / 4) ** 0.5
    assert design.detectable(NOISE, TRAINING) == pytest.approx(smallest_shift(3) * error)
    rng = np.random.default_rng(1)
    gains = rng.normal(smallest_shift(3) * error, error * 2, (2000, 4))
    found = np.mean([(test := matched(row)) is not None and test.p <= 0.05 for row in gains])
    assert found == pytest.approx(0.8, abs=0.04)


def test_many_loops_are_as_the_normal_distribution_says() -> None:
    design = LoopDesign(4000, 6, 4)
    expected = (stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) * design.error(NOISE, TRAINING)
    assert design.detectable(NOISE, TRAINING) == pytest.approx(expected, rel=1e-3)


def test_weights_as_given_are_found_as_with_all_draws_of_their_replicates() -> None:
    apart, together = detectable(8, 3, NOISE, replicates=5), detectable(8, 15, NOISE)
    assert (apart.new_tasks, apart.limit) == (together.new_tasks, together.limit)
    assert apart.these_tasks == pytest.approx(smallest_shift(8 * 5 * 2) * (2 * 0.16 / 15 / 8) ** 0.5)
    assert power_of(0.1, 8, 3, NOISE, replicates=5)[0] == power_of(0.1, 8, 15, NOISE)[0]
    assert detectable(8, 1, NOISE, replicates=5).these_tasks is None, "one draw of a replicate shows no variance"


def test_the_sd_between_trainings_is_what_draws_do_not_explain() -> None:
    rng, design = np.random.default_rng(2), LoopDesign(400, 6, 4)
    sd, upper = training_sds(loops(rng, design, 1)[0], loops(rng, design, 1)[0], 24, NOISE, gain=False)
    assert sd == pytest.approx(TRAINING, rel=0.15)
    assert sd < upper < 1.2 * sd
    gains = np.array([0.1, 0.3, 0.2])
    sd, _ = training_sds(gains, np.zeros(3), 1e9, NOISE, gain=True)
    assert sd == pytest.approx(0.1, rel=1e-3)
    assert training_sds([0.1, 0.1], [0.2, 0.2], 24, NOISE, gain=False) == (0.0, 0.0)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2 replicates"):
        LoopDesign(1, 6, 4)
    with pytest.raises(ValueError, match="two loops"):
        training_sds([0.1], [0.2, 0.3], 24, NOISE, gain=False)
