"""Bradley-Terry against statsmodels, by hand and by simulation; what has no finite answer has none."""

from importlib import import_module
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentlab.stats.judges.bradley_terry import Strengths, bradley_terry, versus

sm: Any = import_module("statsmodels.api")  # it comes without types
PLAYERS = "abcd"
TRUE = np.array([0.8, 0.2, -0.3, -0.7])


def played(seed: int, rows: int, order: float, tie: float | None) -> tuple[list[str], list[str], list[float]]:
    """Comparisons of four players of known strength."""
    rng = np.random.default_rng(seed)
    i = rng.integers(0, 4, rows)
    j = (i + rng.integers(1, 4, rows)) % 4
    parts = [TRUE[i] + order / 2, np.full(rows, -np.inf) if tie is None else tie + (TRUE[i] + TRUE[j]) / 2]
    odds = np.exp(np.stack([*parts, TRUE[j] - order / 2]))
    share = np.cumsum(odds / odds.sum(axis=0), axis=0)
    outcome = np.array([1.0, 0.5, 0.0])[(rng.random(rows) > share).sum(axis=0).clip(0, 2)]
    return [PLAYERS[k] for k in i], [PLAYERS[k] for k in j], outcome.tolist()


def test_without_ties_it_is_a_logistic_regression() -> None:
    first, second, outcome = played(1, 500, 0.5, None)
    design = np.zeros((500, 4))
    for row, (a, b) in enumerate(zip(first, second, strict=True)):
        for name, sign in ((a, 1.0), (b, -1.0)):
            if name != "a":
                design[row, PLAYERS.index(name) - 1] += sign
    design[:, 3] = 1.0
    clusters = [row % 25 for row in range(500)]
    plain, clustered = bradley_terry(first, second, outcome), bradley_terry(first, second, outcome, clusters=clusters)
    model = sm.Logit(outcome, design)
    known = model.fit(disp=0)
    robust = model.fit(disp=0, cov_type="cluster", cov_kwds={"groups": np.array(clusters), "use_correction": False})
    for fitted, errors in ((plain, known.bse), (clustered, robust.bse * np.sqrt(25 / 24))):
        assert fitted.tie is None
        assert fitted.order == pytest.approx(known.params[3])
        assert fitted.order_interval is not None
        assert fitted.order_interval.se == pytest.approx(errors[3])
        for k, name in enumerate("bcd"):
            gap = versus(fitted, name, "a")
            assert fitted.strengths is not None
            assert gap is not None
            assert fitted.strengths[k + 1] - fitted.strengths[0] == pytest.approx(known.params[k])
            assert gap.se == pytest.approx(errors[k])
    assert clustered.df == 24


def test_two_players_by_hand() -> None:
    """Without order, 6 wins, 3 ties and 2 losses are fitted exactly: 6/2 = e^gap, 3 = e^t sqrt(6 x 2)."""
    found = bradley_terry(["a"] * 11, ["b"] * 11, [1.0] * 6 + [0.5] * 3 + [0.0] * 2, order=False)
    assert found.strengths is not None
    assert found.tie is not None
    assert found.strengths[0] - found.strengths[1] == pytest.approx(np.log(3))
    assert np.exp(found.tie) == pytest.approx(3 / np.sqrt(12))
    assert (found.order, found.order_interval) == (None, None)


def test_ties_and_order_are_found_again() -> None:
    fits = [bradley_terry(*played(seed, 600, 0.5, -0.4)) for seed in range(80)]
    strengths = np.array([fit.strengths for fit in fits])
    assert np.abs(strengths.mean(axis=0) - TRUE).max() < 0.03
    assert np.mean([fit.order or 0 for fit in fits]) == pytest.approx(0.5, abs=0.03)
    assert np.mean([fit.tie or 0 for fit in fits]) == pytest.approx(-0.4, abs=0.04)
    covered = [gap.low <= 1.5 <= gap.high for fit in fits if (gap := versus(fit, "a", "d")) is not None]
    assert len(covered) == 80
    assert np.mean(covered) >= 0.88


def test_orders_that_balance_in_every_cluster_have_no_interval() -> None:
    """A judge that is never moved by the order: nothing is left but rounding, which differs between processors."""
    worth = [[1, 0, 0.5, 1], [0, 0.5, 1, 0], [0.5, 1, 0, 0.5]]
    outcome = [either for task in worth for won in task for either in (won, 1 - won)]
    found = bradley_terry(["a", "b"] * 12, ["b", "a"] * 12, outcome, clusters=[i // 8 for i in range(24)])
    assert found.order == pytest.approx(0, abs=1e-9)
    assert found.order_interval is None
    assert versus(found, "a", "b") is not None


def test_clusters_widen_what_repeats_itself() -> None:
    first, second, outcome = played(3, 60, 0.0, -0.4)
    once = versus(bradley_terry(first, second, outcome), "a", "b")
    copied = bradley_terry(first * 4, second * 4, outcome * 4)
    told = bradley_terry(first * 4, second * 4, outcome * 4, clusters=[*range(60)] * 4)
    naive, honest = versus(copied, "a", "b"), versus(told, "a", "b")
    assert once is not None
    assert naive is not None
    assert honest is not None
    assert naive.se == pytest.approx(once.se / 2, rel=1e-6)
    assert honest.se > 1.5 * naive.se
    assert (told.clusters, told.df) == (60, 59)


@given(st.integers(0, 10_000))
def test_turning_every_comparison_round_turns_the_order(seed: int) -> None:
    first, second, outcome = played(seed, 120, 0.3, -0.2)
    found = bradley_terry(first, second, outcome)
    turned = bradley_terry(second, first, [1 - one for one in outcome])
    if found.strengths is None or turned.strengths is None:
        assert found.strengths == turned.strengths
        return
    assert turned.strengths == pytest.approx(found.strengths, abs=1e-6)
    assert turned.order == pytest.approx(-(found.order or 0.0), abs=1e-6)
    assert sum(found.strengths) == pytest.approx(0, abs=1e-9)


ENDLESS: list[tuple[Strengths, str]] = [
    (bradley_terry("aba", "bac", [1, 1, 1]), "no other arm ever beat or tied with a, b"),
    (bradley_terry("acbd", "bdac", [1, 1, 1, 1]), "never compared with each other: a, b; c, d"),
    (bradley_terry(["a", "b"], ["b", "a"], [1, 1]), "order, or ties, decide every comparison"),
    (bradley_terry(["a", "a", "a"], ["b", "b", "b"], [1, 0, 1]), "one order only"),
    (bradley_terry(["a", "b"], ["b", "a"], [0.5, 0.5]), "order, or ties, decide"),
    (bradley_terry([], [], []), "no comparisons"),
]


@pytest.mark.parametrize(("found", "why"), ENDLESS)
def test_what_is_endless_has_no_estimate(found: Strengths, why: str) -> None:
    assert found.strengths is None
    assert found.covariance is None
    assert why in found.note
    if len(found.players) > 1:
        assert versus(found, "a", "b") is None


def test_one_cluster_has_estimates_and_no_errors() -> None:
    found = bradley_terry("abab", "baba", [1, 1, 0, 1], order=False, clusters=["t"] * 4)
    assert found.strengths is not None
    assert found.covariance is None
    assert "one cluster" in found.note


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ValueError, match="compared with itself"):
        bradley_terry(["a"], ["a"], [1])
    with pytest.raises(ValueError, match="leave out what was not decided"):
        bradley_terry(["a"], ["b"], [float("nan")])
    with pytest.raises(ValueError, match="one length"):
        bradley_terry(["a"], ["b", "c"], [1])
