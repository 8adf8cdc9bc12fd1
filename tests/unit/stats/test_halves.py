"""Short against long draws, ensembles, and changes of answer: by hand, by simulation, and the traps of each."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlab.stats.incoherence.ensemble import ensembles, exponent
from agentlab.stats.incoherence.flips import changes
from agentlab.stats.incoherence.halves import Array, TaskDraws, halves

ONE_HOT = np.eye(4)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def drawn(generator: np.random.Generator, short: list[float], long: list[float], each: int) -> TaskDraws:
    """One task: the right answer is the first, and long chains have probabilities of their own."""
    answers = np.concatenate([generator.choice(4, each, p=p) for p in (short, long)])
    lengths = np.concatenate([generator.uniform(1, 2, each), generator.uniform(3, 4, each)])
    order = generator.permutation(2 * each)
    return TaskDraws(lengths[order], ONE_HOT[answers][order], ONE_HOT[0])


def test_by_hand() -> None:
    lengths = np.array([9.0, 1.0, 2.0, 8.0, 5.0])  # the draw of length 5 is the middle one
    scores = np.array([[1.0], [0.0], [0.4], [0.6], [77.0]])
    found = halves([TaskDraws(lengths, scores, np.array([1.0]))], rng(), 200)
    assert (found.short.length, found.long.length) == (1.5, 8.5)
    assert found.short.variance == pytest.approx(0.08)
    assert found.short.error == pytest.approx((1 + 0.36) / 2)
    assert found.long.bias2 == pytest.approx(0.16 / 2 - 0.08)
    assert found.variance_difference == pytest.approx(0)
    assert found.variance_p > 0.5


def test_a_judges_own_error_is_taken_out_of_each_half() -> None:
    lengths, scores = np.arange(6.0), np.array([[0.0], [0.3], [0.6], [1.0], [0.2], [0.9]])
    noise = np.array([0.01, 0.02, 0.03, 0.1, 0.2, 0.3])
    plain = halves([TaskDraws(lengths, scores, np.ones(1))], rng(), 20)
    less = halves([TaskDraws(lengths, scores, np.ones(1), noise)], rng(), 20)
    for with_it, without, own in ((plain.short, less.short, 0.02), (plain.long, less.long, 0.2)):
        assert without.variance == pytest.approx(with_it.variance - own)
        assert without.error == pytest.approx(float(with_it.error or 0) - own)
        assert without.bias2 == pytest.approx(with_it.bias2)


def test_more_scattered_wrong_answers_show_at_equal_accuracy_and_error() -> None:
    # the published confound: equal error and accuracy, incoherence .600 and .731
    tasks = [drawn(rng(i), [0.6, 0.4, 0, 0], [0.6, 0.15, 0.15, 0.1], 60) for i in range(60)]
    found = halves(tasks, rng(), 300)
    assert found.short.incoherence == pytest.approx(0.600, abs=0.02)
    assert found.long.incoherence == pytest.approx(0.731, abs=0.02)
    assert found.short.error == pytest.approx(found.long.error, abs=0.06)
    assert found.incoherence_p == pytest.approx(1 / 301)


def test_the_null_is_kept() -> None:
    small = 0
    for i in range(150):
        generator = rng(i)
        tasks = [
            TaskDraws(generator.integers(1, 9, 12).astype(float), generator.normal(size=(12, 1)) * (1 + t), np.zeros(1))
            for t in range(5)
        ]
        small += halves(tasks, generator, 99).variance_p <= 0.05
    assert small / 150 <= 0.1


def test_without_a_target_there_is_a_variance_only() -> None:
    found = halves([TaskDraws(np.arange(6.0), rng().normal(size=(6, 3)), None)], rng(), 50)
    assert (found.short.error, found.long.bias2, found.incoherence_difference, found.incoherence_p) == (None,) * 4
    assert found.short.variance > 0


@pytest.mark.parametrize("lengths", [[3.0, 3.0, 3.0, 3.0], [1.0, 2.0, 3.0]])
def test_what_cannot_be_split_is_left_out(lengths: list[float]) -> None:
    other = TaskDraws(np.array(lengths), np.zeros((len(lengths), 1)), np.zeros(1))
    with pytest.raises(ValueError, match="4 draws of different lengths"):
        halves([other], rng())
    fine = TaskDraws(np.arange(4.0), rng().normal(size=(4, 1)), np.zeros(1))
    assert halves([fine, other], rng(), 20).left_out == 1


def test_missing_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="a length or a value is missing"):
        halves([TaskDraws(np.array([1.0, float("nan"), 2.0, 3.0]), np.zeros((4, 1)), None)], rng())
    with pytest.raises(ValueError, match="a value is missing"):
        ensembles([[[float("nan")]] * 4], [[0.0]], [2])


def test_ensembles_of_independent_draws_fall_with_their_size() -> None:
    generator = rng(3)
    golds = [np.array([1.0])] * 400
    values: list[Array] = [0.4 + generator.normal(0, 0.5, size=(320, 1)) for _ in golds]
    curve = ensembles(values, golds, [1, 2, 4, 8, 16, 32])
    assert {one.ensembles for one in curve} == {10}
    for one in curve:
        assert one.variance == pytest.approx(0.25 / one.size, rel=0.1)
        assert one.bias2 == pytest.approx(0.36, abs=0.03)
        assert one.error == pytest.approx(one.bias2 + one.variance)
    assert exponent(curve) == pytest.approx(-1, abs=0.03)


def test_dependent_draws_do_not_fall() -> None:
    run = np.repeat(rng().normal(size=10), 4)[:, None]  # every four draws in a row are one
    curve = ensembles([run], [np.zeros(1)], [1, 2, 4])
    assert curve[2].variance == pytest.approx(float(run[::4].var(ddof=1)))
    assert exponent([curve[0]]) is None
    with pytest.raises(ValueError, match="two are needed, which take 42"):
        ensembles([run], [np.zeros(1)], [21])


def test_answers_that_change() -> None:
    tasks = ["a"] * 4 + ["b"] * 4 + ["c"] * 4
    contexts = [1, 1, 2, 2] * 3
    answers = ["x", "x", "y", "y"] + ["x", "y", "x", "y"] + ["x"] * 4
    found = changes(tasks, contexts, answers)
    # a changes between contexts only, b within only (its contexts' modes tie), c never
    assert (found.within, found.between, found.anywhere) == pytest.approx((1 / 3, 1 / 3, 2 / 3))
    assert (found.tasks, found.draws) == (3, 4)
    assert changes(["a", "a"], [1, 2], ["x", "y"]).within is None
    assert changes(["a", "a"], [1, 1], ["x", "y"]).between is None
    with pytest.raises(ValueError, match="two draws"):
        changes(["a"], [1], ["x"])


@given(st.lists(st.sampled_from("xyz"), min_size=2, max_size=8), st.integers(0, 2**32))
def test_the_order_of_draws_does_not_matter(answers: list[str], seed: int) -> None:
    contexts: list[int] = [i % 3 for i in range(len(answers))]
    order: list[int] = rng(seed).permutation(len(answers)).tolist()
    shuffled = changes(["t"] * len(answers), [contexts[i] for i in order], [answers[i] for i in order])
    assert changes(["t"] * len(answers), contexts, answers) == shuffled
