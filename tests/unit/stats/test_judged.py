"""Judged scores against a target: the judge's noise is no variance of what was judged."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlab.stats.incoherence.incoherence import dispersion, dispersion_difference, incoherence
from agentlab.stats.incoherence.judged import judged
from agentlab.stats.jackknife import ALIKE
from tests.support.answers import close

NAN = float("nan")


def test_judged_by_hand() -> None:
    # two rollouts judged (.4, .6) and (.8, 1, .9): means .5, .9; within SS .02 + .02 on 1 + 2; 1/J mean (1/2 + 1/3)/2
    found = judged([[[0.4, 0.6, NAN], [0.8, 1.0, 0.9], [NAN] * 3]], 1.0)
    sigma2, inverse, between, mean = 0.04 / 3, 5 / 12, 0.08, 0.7
    close(found.noise_t, sigma2 * inverse)
    close(found.parts.variance_t, between - sigma2 * inverse)
    close(found.parts.bias2_t, (mean - 1) ** 2 - between / 2)
    close(found.parts.error_t, found.parts.bias2_t + found.parts.variance_t)
    close([found.mean_t[0], found.judge_draws_t[0], found.parts.draws_t[0]], [0.7, 2.5, 2])
    assert found.separable
    assert found.notes == ()
    assert found.room_t is not None
    close(found.room_t, 0.21 + between / 2)
    close(found.cap or NAN, (0.21 + between / 2) / 0.3)


def test_noise_is_taken_out_without_bias_and_negatives_stay() -> None:
    rng, tasks, draws, judges = np.random.default_rng(5), 4000, 4, 3
    means = rng.normal(0.5, 0.2, tasks)
    rollouts = means[:, None] + rng.normal(0, 0.1, (tasks, draws))
    noise = rng.normal(0, 1, (tasks, draws, judges)) * rng.uniform(0.1, 0.3, (tasks, 1, 1))
    scores = rollouts[..., None] + noise
    # J differs by rollout, and a quarter of the tasks has three rollouts
    scores[:, 0, 2] = NAN
    scores[: tasks // 4, 3] = NAN
    found = judged(scores, 0.9)
    true_bias2 = ((means - 0.9) ** 2).mean()
    error = found.parts.variance_t.std() / tasks**0.5
    assert abs(found.parts.variance - 0.01) < 3 * error < 0.002
    assert abs(found.parts.bias2 - true_bias2) < 0.004
    assert (found.parts.variance_t < 0).any()
    charged = judged(scores[:, :, :1], 0.9)
    assert charged.parts.variance > 0.03
    assert not charged.separable


def test_not_separable_is_said() -> None:
    once = judged([[[0.1], [0.4]], [[0.2], [0.3]]], 1)
    assert not once.separable
    assert once.notes == ("judge noise not separable: no rollout was judged twice",)
    close(once.parts.variance_t, [0.045, 0.005])
    same = judged([[[0.1, 0.1], [0.4, 0.4]]], 1)
    assert not same.separable
    assert "as at temperature 0" in same.notes[0]
    some = judged([[[0.1, 0.3], [0.4, 0.6]], [[0.2, NAN], [0.3, NAN]]], 1)
    assert some.separable
    assert some.notes == (
        "1 of 2 tasks were judged once per rollout; their judge noise is assumed equal to that of the others",
    )
    close(some.noise_t, [0.02 / 2, 0.02])


@given(st.integers(0, 2**32 - 1), st.sampled_from((0.0, 1.0)))
def test_cap_holds_and_votes_fill_all_their_room(seed: int, target: float) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.beta(0.6, 0.6, size=(8, 5, 2))
    found = judged(scores, target)
    room, cap = found.room_t, found.cap
    assert room is not None
    assert cap is not None
    assert (found.parts.variance_t <= room + 1e-12).all()
    mean = float(found.mean_t.mean())
    plain = np.abs(target - found.mean_t)
    close(cap, min(1, room.sum() / plain.sum()))
    share = incoherence(found.parts).ratio.value
    if share is not None and found.parts.bias2 > 0:
        assert share <= cap + 1e-9
    # without the correction for few draws the cap of a set is at most its mean score
    assert (found.mean_t * (1 - found.mean_t)).sum() / plain.sum() <= abs(1 - target - mean) + 1e-12
    yes = (scores[:, :, :1] > 0.5).astype(float)
    filled = judged(yes, target)
    close(filled.parts.variance_t, filled.room_t)


def test_dispersion_compares_what_incoherence_cannot() -> None:
    rng = np.random.default_rng(6)
    low = rng.uniform(0.04, 0.36, (40, 20, 1)) + rng.uniform(-0.04, 0.04, (40, 1, 1))
    a, b = judged(low, 1), judged(1 - low, 1)
    gap = dispersion_difference(a, b)
    assert gap.value is not None
    close(gap.value, 0)
    own = dispersion(a)
    assert own.low is not None
    assert own.high is not None
    assert a.room_t is not None
    assert own.low < a.parts.variance_t.sum() / a.room_t.sum() < own.high < 0.1
    one, other = incoherence(a.parts).ratio.value, incoherence(b.parts).ratio.value
    assert one is not None
    assert other is not None
    assert other > 5 * one
    assert dispersion(judged(np.ones((7, 2, 1)), 1)).value is None
    with pytest.raises(ValueError, match=r"scores in \[0, 1\]"):
        dispersion(judged(low * 5, 1))


def test_a_perfect_constant_score_has_no_ratio_and_a_wrong_one_has_0() -> None:
    perfect = incoherence(judged(np.ones((7, 3, 2)), 1).parts)
    assert (perfect.ratio.value, perfect.mean, perfect.median) == (None, None, None)
    assert perfect.ratio.notes == ("undefined: the errors do not sum to more than 0",)
    wrong = incoherence(judged(np.full((7, 3, 2), 0.3), 1).parts)
    close(wrong.ratio.value or 0.0, 0)
    assert wrong.ratio.notes == (ALIKE,)
    assert judged(np.full((2, 2, 1), 3.0), 1).cap is None
    assert judged(np.full((2, 2, 1), 0.3), [0.0, 1.0]).cap is None


@pytest.mark.parametrize(
    ("scores", "target", "why"),
    [
        ([[[0.1, 0.2]]], 1, "1 of 1 tasks have fewer than the 2 judged draws"),
        ([[[0.1], [NAN]], [[0.1], [0.2]]], 1, "1 of 2 tasks"),
        ([[0.1, 0.2]], 1, "shape"),
        ([[[0.1], [np.inf]]], 1, "finite"),
        ([[[0.1], [0.2]]], NAN, "target"),
    ],
)
def test_judged_refusals(scores: Any, target: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        judged(scores, target)
