"""What stands next to incoherence, and the null in which only accuracy changes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlab.stats.estimate import Estimate
from agentlab.stats.incoherence.choices import Choices, groups, stated, votes
from agentlab.stats.incoherence.companions import companions, totals, wrong_pairs
from agentlab.stats.incoherence.decompose import brier, kl, unbiased
from agentlab.stats.incoherence.excess import Excess, brier_excess
from agentlab.stats.incoherence.incoherence import difference, incoherence
from agentlab.stats.jackknife import ALIKE
from tests.support.answers import Stated, close, counted, outcomes, ragged

NAN = float("nan")
WEAK = counted(*[(50, 0, 0, 0)] * 4, *[(31, 10, 6, 3)] * 5, *[(8, 42, 0, 0)] * 3, *[(0, 50, 0, 0)] * 8)
STRONG = counted(*[(50, 0, 0, 0)] * 4, *[(42, 4, 4, 0)] * 5, (31, 10, 9, 0), *[(50, 0, 0, 0)] * 9, (0, 50, 0, 0))
"""Twenty tasks: the weak model is often wrong in one way, the strong one seldom and never steadily."""


def value(estimate: Estimate) -> float:
    assert estimate.value is not None
    return estimate.value


def test_companions_by_hand() -> None:
    found = companions(counted((6, 3, 1, 0), (1, 8, 1, 0), (0, 10, 0, 0), (10, 0, 0, 0), (5, 5, 0, 0)))
    close(found.accuracy_t, [0.6, 0.1, 0, 1, 0.5])
    entropy = -(0.6 * np.log(0.6) + 0.3 * np.log(0.3) + 0.1 * np.log(0.1))
    close([found.entropy_t[0], found.entropy_corrected_t[0]], [entropy, entropy + 2 / 20])
    close(found.disagreement_t[:2], [(1 - 0.46) * 10 / 9, (1 - 0.66) * 10 / 9])
    close(found.flip_t, [0.4, 0.2, 0, 0, 0.5])
    close(found.lapse_t, [0.4, NAN, NAN, 0, NAN])
    close(found.unanimous_wrong_t, [0, 0, 1, 0, 0])
    plain = np.array([1 - (9 + 1) / 16, 1 - (64 + 1) / 81])
    close(found.wrong_dispersion_t, [*plain * 3 / 2, 0, NAN, 0])
    close(found.wrong_dispersion_unbiased_t, [*plain * 3 / 2 * np.array([4 / 3, 9 / 8]), 0, NAN, 0])
    summed = totals(found)
    close([summed["accuracy"].value or NAN, summed["lapse"].value or NAN], [0.44, 0.2])
    assert [summed[name].tasks for name in ("accuracy", "lapse", "wrong_dispersion")] == [5, 2, 4]


def test_wrong_dispersion_runs_from_0_to_1_and_two_classes_have_none() -> None:
    even = companions(counted((3, 3, 3, 3), (9, 1, 1, 1), (0, 0, 12, 0)))
    close(even.wrong_dispersion_t, [1, 1, 0])
    two = companions(counted((4, 6)))
    assert np.isnan([two.wrong_dispersion_t[0], two.wrong_dispersion_unbiased_t[0]]).all()
    one = companions(counted((4, 1, 0)))
    close([one.wrong_dispersion_t[0], one.wrong_dispersion_unbiased_t[0]], [0, NAN])
    assert totals(two)["wrong_dispersion"].value is None


def test_open_answers_have_no_number_of_classes_to_correct_for() -> None:
    found = companions(groups([0] * 6, ["right", "a", "a", "b", "b", "b"], right=["right"]))
    close([found.wrong_dispersion_t[0], found.wrong_dispersion_unbiased_t[0]], [1 - 13 / 25, (1 - 13 / 25) * 5 / 4])
    free = companions(groups([0] * 3, ["x", "y", "y"]))
    close([free.disagreement_t[0], free.flip_t[0]], [2 / 3, 1 / 3])
    assert np.isnan([free.accuracy_t, free.lapse_t, free.unanimous_wrong_t, free.wrong_dispersion_t]).all()


def test_stated_probabilities_count_as_their_most_probable_class() -> None:
    p = [[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.4, 0.4, 0.2]]
    found = companions(stated([0] * 3, p, [0]))
    close([found.accuracy_t[0], found.flip_t[0]], [0.5, 0.5])


def test_disagreement_and_dispersion_are_unbiased_exactly() -> None:
    p = np.array([0.4, 0.3, 0.2, 0.1])
    choices, chance = outcomes(p.tolist(), 4)
    found = companions(choices)
    close(chance @ found.disagreement_t, 1 - (p**2).sum())
    both, differ = wrong_pairs(choices)
    q = p[1:] / 0.6
    close([chance @ both, chance @ differ], [0.36, 0.36 * (1 - (q**2).sum())])
    known = ~np.isnan(found.wrong_dispersion_unbiased_t)
    expected = chance[known] @ found.wrong_dispersion_unbiased_t[known] / chance[known].sum()
    close(expected, (1 - (q**2).sum()) * 3 / 2)


@given(ragged())
def test_companions_keep_their_ranges(data: Stated) -> None:
    found = companions(data.choices)
    for name, total in totals(found).items():
        if name not in ("entropy", "entropy_corrected", "wrong_dispersion_unbiased") and total.value is not None:
            assert -1e-9 <= total.value <= 1 + 1e-9
    assert (found.entropy_t <= np.log(data.choices.classes_t) + 1e-9).all()
    assert (found.flip_t <= 1 - 1 / data.choices.classes_t + 1e-9).all()


# --- confound -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "printed", "by_brier", "by_kl"),
    [(WEAK, ("0.38", "0.326", "0.119"), "0.145", "0.192"), (STRONG, ("0.89", "0.184", "0.059"), "0.448", "0.541")],
)
def test_confound_demo(model: Choices, printed: tuple[str, str, str], by_brier: str, by_kl: str) -> None:
    found = totals(companions(model))
    assert f"{found['accuracy'].value:.2f}" == printed[0]
    assert tuple(f"{found[name].value:.3f}" for name in ("entropy", "flip")) == printed[1:]
    assert [f"{incoherence(loss(model)).ratio.value:.3f}" for loss in (brier, kl)] == [by_brier, by_kl]


def test_the_steadier_model_is_more_incoherent_by_accuracy_alone() -> None:
    found = brier_excess(WEAK, STRONG)
    assert found.left_out == 4
    assert value(found.difference) > 0.3
    assert abs(value(found.excess)) < 0.05 * value(found.difference)
    close(value(found.by_accuracy) + value(found.excess), value(found.difference))
    assert found.excess.low is not None
    assert found.excess.high is not None
    assert found.excess.low < 0 < found.excess.high


def test_brier_excess_is_the_closed_form() -> None:
    # a: w from pairs (1 - sum n(n-1)/(N(N-1))); the null's variance from pairs of b, by hand for one task
    a, b = counted(*[(4, 3, 3)] * 6), counted(*[(6, 4, 0)] * 6)
    w = 1 - (3 * 2 * 2) / (6 * 5)
    null = (2 * 6 * 4 + 4 * 3 * w) / (10 * 9)
    found = brier_excess(a, b)
    close(value(found.excess), ratio_of(b) - null / (2 * 0.4))
    close(value(found.by_accuracy), null / (2 * 0.4) - ratio_of(a))
    assert found.excess.notes == (ALIKE,)


def test_outputs_without_an_answer_do_not_change_what_even_spread_is() -> None:
    """Three choices, and for whoever needs it an end column for outputs without an answer."""
    three = votes([0] * 6, [0, 0, 1, 1, 2, 2], [0], 3)
    four = votes([0] * 6, [0, 0, 1, 1, 2, 2], [0], 4, outside=1)
    for name in ("wrong_dispersion_t", "wrong_dispersion_unbiased_t"):
        close(getattr(companions(three), name), getattr(companions(four), name))
    close(companions(three).wrong_dispersion_t, [1])
    silent = votes([0] * 6, [1, 1, 2, 2, 3, 3], [0], 4, outside=1)
    close(companions(silent).wrong_dispersion_t, [(1 - 3 / 9) * 2])


def test_groups_have_the_excess_of_votes_though_they_are_numbered_by_condition() -> None:
    counts = ([(4, 3, 3), (2, 6, 2), (5, 4, 1)] * 3, [(6, 4, 0), (3, 1, 6), (7, 0, 3)] * 3)
    said = [[c for task in side for c, n in zip("xyz", task, strict=True) for _ in range(n)] for side in counts]
    one, other = (groups(np.repeat(np.arange(9), 10), labels[::-1], right=["x"] * 9) for labels in said)
    a, b = (counted(*side[::-1]) for side in counts)
    close(value(brier_excess(a, b).excess), value(brier_excess(one, other).excess), atol=1e-7)


def ratio_of(choices: Choices) -> float:
    return value(incoherence(unbiased(brier(choices))).ratio)


def test_same_accuracy_leaves_nothing_to_accuracy() -> None:
    a, b = counted(*[(4, 6, 0, 0), (7, 3, 0, 0)] * 4), counted(*[(4, 2, 2, 2), (7, 1, 1, 1)] * 4)
    found = brier_excess(a, b)
    close(value(found.by_accuracy), 0)
    assert value(found.excess) > 0.05
    close(value(found.difference), value(difference(unbiased(brier(b)), unbiased(brier(a)))))


@given(st.integers(0, 2**32 - 1))
def test_excess_adds_up(seed: int) -> None:
    rng = np.random.default_rng(seed)
    tasks = np.repeat(np.arange(8), 5)
    a, b = (votes(tasks, rng.integers(0, 4, 40), np.zeros(8), 4) for _ in range(2))
    found = brier_excess(a, b)
    if found.difference.value is not None:
        close(value(found.by_accuracy) + value(found.excess), found.difference.value)


def test_brier_excess_is_0_on_average_with_few_wrong_answers() -> None:
    rng, tasks, draws, found = np.random.default_rng(4), 300, 10, list[float]()
    codes = np.repeat(np.arange(tasks), draws)
    for _ in range(60):
        q, accuracy = rng.dirichlet((1.0, 0.5, 0.5), size=tasks), rng.uniform(0.3, 0.95, (2, tasks))
        shares = [np.column_stack([a, (1 - a)[:, None] * q]).cumsum(axis=1) for a in (accuracy.min(0), accuracy.max(0))]
        drawn = [(rng.random((tasks * draws, 1)) > share[codes, :3]).sum(axis=1) for share in shares]
        a, b = (votes(codes, answers, np.zeros(tasks), 4) for answers in drawn)
        found.append(value(brier_excess(a, b).excess))
    assert abs(np.mean(found)) < 3 * np.std(found) / 60**0.5
    assert np.std(found) / 60**0.5 < 0.003


def test_excess_refusals_and_what_cannot_be_told() -> None:
    right = counted(*[(5, 0, 0)] * 6)
    nothing: Excess = brier_excess(right, counted(*[(3, 2, 0)] * 6))
    assert (nothing.excess.value, nothing.left_out) == (None, 6)
    assert "too few wrong answers on every task" in nothing.notes[0]
    unsure = stated([0, 0], [[0.5, 0.5]] * 2, [0])
    with pytest.raises(ValueError, match="hard answers"):
        brier_excess(unsure, unsure)
    with pytest.raises(ValueError, match="differ in tasks"):
        brier_excess(counted((2, 1)), counted((2, 1, 0)))
    with pytest.raises(ValueError, match="differ in tasks"):
        brier_excess(right, groups([0, 0], ["a", "b"], right=["a"]))
