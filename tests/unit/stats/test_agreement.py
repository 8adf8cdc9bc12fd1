"""Agreement against published examples, the usual packages, brute force and hand computation."""

from importlib import import_module
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from agentlab.stats.judges.agreement import Agreement, Weights, ac1, alpha, confusion, kappa

cohen_kappa_score: Any = import_module("sklearn.metrics").cohen_kappa_score  # these come without types
cohens_kappa: Any = import_module("statsmodels.stats.inter_rater").cohens_kappa
krippendorff: Any = import_module("krippendorff")
NAN = float("nan")


def table(*raters: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Ratings as (units, raters); a dot is a missing one."""
    return np.array([[NAN if word == "." else float(word) for word in one.split()] for one in raters]).T


CODERS = table(
    ". . . . . 3 4 1 2 1 1 3 3 . 3",
    "1 . 2 1 3 3 4 3 . . . . . . .",
    ". . 2 1 3 4 4 . 2 1 1 3 3 . 4",
)
"""Three coders, 15 units of which 12 have two values or more."""
OBSERVERS = table(
    "1 2 3 3 2 1 4 1 2 . . .",
    "1 2 3 3 2 2 4 1 2 5 . 3",
    ". 3 3 3 2 3 4 2 2 5 1 .",
    "1 2 3 3 2 4 4 1 2 5 1 .",
)
"""Krippendorff (2011): four observers, 12 units."""


def test_published_alphas() -> None:
    assert alpha(CODERS).value == pytest.approx(0.810845, abs=5e-7)
    found = alpha(OBSERVERS)
    assert found.value == pytest.approx(0.849, abs=5e-4)
    assert (found.units, found.ratings) == (11, 40)
    assert found.raw == pytest.approx(0.8182, abs=5e-5)


RATING = st.sampled_from([1.0, 2.0, 3.5, 1e6, NAN])


@given(st.lists(st.lists(RATING, min_size=3, max_size=3), min_size=1, max_size=15))
def test_alpha_is_that_of_the_package_krippendorff(rows: list[list[float]]) -> None:
    ratings = np.array(rows)
    found = alpha(ratings)
    if found.value is not None:
        known = krippendorff.alpha(reliability_data=ratings.T, level_of_measurement="interval")
        assert found.value == pytest.approx(known, abs=1e-9)


@pytest.mark.parametrize(("weights", "wt"), [("none", None), ("linear", "linear"), ("quadratic", "quadratic")])
def test_kappa_is_that_of_statsmodels(weights: Weights, wt: str | None) -> None:
    rng = np.random.default_rng(5)
    a, b = rng.integers(0, 4, 80), rng.integers(0, 4, 80)
    known: Any = cohens_kappa(np.array(confusion(a, b).counts), wt=wt)
    assert kappa(a, b, weights).value == pytest.approx(float(known.kappa), abs=1e-12)


def test_published_ac1_counts_units_with_one_rating_in_the_prevalence() -> None:
    assert ac1(OBSERVERS, 5).value == pytest.approx(0.7754, abs=5e-5)  # Gwet (2014), table 2.10


def test_ac1_stays_up_where_kappa_sinks() -> None:
    a, b = [1] * 96 + [1, 1, 0, 0], [1] * 96 + [0, 0, 1, 1]
    found, other = ac1(np.stack([a, b], axis=1)), kappa(a, b)
    assert other.raw == found.raw == pytest.approx(0.96)
    assert other.value is not None
    assert other.value < 0
    assert found.value == pytest.approx(1 - 0.04 / (1 - 2 * 0.98 * 0.02))


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=40),
    st.sampled_from(get_args(Weights)),
)
def test_kappa_is_scikit_learns(pairs: list[tuple[int, int]], weights: Weights) -> None:
    a, b = zip(*pairs, strict=True)
    found = kappa(a, b, weights)
    if len({*a, *b}) == 1:
        assert found.value is None
        assert "always gave the same value" in found.note
        return
    known = cohen_kappa_score(a, b, labels=range(5), weights=None if weights == "none" else weights)
    assert found.value == pytest.approx(float(known), abs=1e-12)
    assert found.raw == pytest.approx(np.mean(np.equal(a, b)))


def test_weights_are_distances_of_values_not_of_ranks() -> None:
    near, far = kappa([1, 1, 5, 5], [1, 2, 5, 5], "linear").value, kappa([1, 1, 5, 5], [1, 4, 5, 5], "linear").value
    assert near is not None
    assert far is not None
    assert near > far


def test_a_constant_rater_has_no_interval() -> None:
    found = kappa([1, 1, 1, 1], [0, 1, 0, 1])
    assert (found.value, found.low, found.high) == (0.0, None, None)
    assert "whatever the other gave" in found.note


def test_the_jackknife_leaves_out_clusters() -> None:
    clusters = [i % 5 for i in range(12)]
    found = alpha(OBSERVERS, clusters)
    left = [alpha(OBSERVERS[np.array(clusters) != g]).value for g in range(5)]
    assert found.value is not None
    se = float(np.sqrt(4 * np.var(np.array(left, dtype=float))))
    assert found.low == pytest.approx(found.value - float(stats.t.ppf(0.975, 4)) * se)


def test_the_jackknife_of_kappa_and_ac1_by_brute_force() -> None:
    rng = np.random.default_rng(3)
    a = rng.integers(0, 4, 24)
    b = np.where(rng.random(24) < 0.6, a, rng.integers(0, 4, 24))
    both = np.stack([a, b], axis=1).astype(float)
    for whole, parts in (
        (kappa(a, b, "quadratic"), [kappa(np.delete(a, i), np.delete(b, i), "quadratic") for i in range(24)]),
        (ac1(both, 4), [ac1(np.delete(both, i, axis=0), 4) for i in range(24)]),
    ):
        se = float(np.sqrt(23 * np.var([part.value for part in parts if part.value is not None])))
        assert whole.value is not None
        assert whole.low == pytest.approx(whole.value - float(stats.t.ppf(0.975, 23)) * se)


def test_intervals_cover() -> None:
    """Two raters who see the truth with probability .8 each, else guess among 3: alpha and kappa are .64.

    Squared distances vary more than whether two values are equal, so alpha's interval covers a little less.
    """
    rng, inside = np.random.default_rng(7), np.zeros(2)
    for _ in range(1000):
        truth = rng.integers(0, 3, 60)
        a, b = (np.where(rng.random(60) < 0.8, truth, rng.integers(0, 3, 60)) for _ in "ab")
        for i, found in enumerate((kappa(a, b), alpha(np.stack([a, b], axis=1)))):
            assert found.low is not None
            assert found.high is not None
            inside[i] += found.low <= 0.64 <= found.high
    assert abs(inside[0] / 1000 - 0.95) < 0.02
    assert 0.92 <= inside[1] / 1000 < 0.97


@given(st.lists(st.lists(st.sampled_from([1.0, 2.0, 3.0, NAN]), min_size=3, max_size=3), min_size=1, max_size=15))
def test_alpha_ignores_who_rated_and_what_nobody_can_compare(rows: list[list[float]]) -> None:
    ratings = np.array(rows)
    found = alpha(ratings)
    other = alpha(np.concatenate([ratings[:, ::-1], [[1.0, NAN, NAN]]]))
    assert (found.units, found.ratings, found.raw) == (other.units, other.ratings, pytest.approx(other.raw))
    assert other.value == (None if found.value is None else pytest.approx(found.value))


NOTHING: list[tuple[Agreement, str]] = [
    (kappa([1, NAN], [NAN, 1]), "rated by both"),
    (alpha([[1, NAN], [NAN, 2]]), "no unit has two ratings"),
    (alpha([[1, 1], [1, 1]]), "all ratings are the same"),
    (ac1([[1, 1], [1, 1]]), "one category"),
    (ac1([[1, NAN], [2, NAN]]), "no unit has two ratings"),
]


@pytest.mark.parametrize(("found", "why"), NOTHING)
def test_what_cannot_be_estimated_is_none_and_says_why(found: Agreement, why: str) -> None:
    assert (found.value, found.low, found.high) == (None, None, None)
    assert why in found.note


def test_without_spread_there_is_no_interval() -> None:
    assert alpha([[1, 1], [2, 2], [1, 1], [2, 2]]).note == "no interval: agreement is the same in every cluster"
    found = kappa([1, 2, 1, 2], [1, 2, 2, 2], clusters=["t"] * 4)
    assert found.value is not None
    assert (found.low, found.note) == (None, "no interval: all units belong to one cluster")
    assert "agreement is undefined" in kappa([1, 1, 2], [1, 1, 2], clusters="aab").note


def test_confusion_keeps_both_axes_alike() -> None:
    found = confusion([1, 0, 1, NAN], [1, 1, 0, 1])
    assert found.values == (0.0, 1.0)
    assert found.counts == ((0, 1), (1, 1))


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        kappa([1, 2], [1])
    with pytest.raises(ValueError, match="infinite"):
        kappa([1, float("inf")], [1, 2])
    with pytest.raises(ValueError, match="units, raters"):
        alpha([1, 2, 3])
    with pytest.raises(ValueError, match="3 clusters for 2 units"):
        kappa([1, 2], [1, 2], clusters="abc")
