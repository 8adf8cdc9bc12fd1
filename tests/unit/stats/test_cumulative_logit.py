"""The cumulative-logit mixed model against brute-force integrals, statsmodels and closed forms."""

from importlib import import_module
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import special

from agentlab.stats.contrasts.cumulative_logit import SIDES, CumulativeLogit, cumulative_logit
from tests.support.numbers import close

Array = NDArray[np.float64]
_ordinal: Any = import_module("statsmodels.miscmodels.ordinal_model")  # it comes without types


def drawn(
    rng: np.random.Generator, tasks: int, draws: int, beta: float, sds: tuple[float, float], cuts: Array
) -> Array:
    u, s = (sd * rng.normal(size=(tasks, 1)) for sd in sds)
    eta = beta * SIDES + u + s * SIDES
    below = special.expit(cuts - eta[..., None])
    edges = np.concatenate([np.zeros((tasks, 2, 1)), below, np.ones((tasks, 2, 1))], axis=-1)
    return rng.multinomial(draws, np.diff(edges, axis=-1)).astype(np.float64)


def integral(fit: CumulativeLogit, counts: Array) -> float:
    """The marginal log-likelihood by 80 x 80 fixed nodes."""
    x, w = np.polynomial.hermite.hermgauss(80)
    u, s = fit.task_sd * 2**0.5 * x[:, None], fit.slope_sd * 2**0.5 * x[None, :]
    total = 0.0
    for task in counts:
        inside = np.zeros((80, 80))
        for side, n in zip(SIDES, task, strict=True):
            eta = fit.log_odds * side + u + s * side
            below: Array = 1 / (1 + np.exp(eta[..., None] - fit.thresholds))
            edges = np.concatenate([np.zeros((80, 80, 1)), below, np.ones((80, 80, 1))], axis=-1)
            inside += (n * np.log(np.diff(edges, axis=-1))).sum(axis=-1)
        total += float(np.log((w[:, None] * w[None, :] * np.exp(inside)).sum() / np.pi))
    return total


def test_the_likelihood_is_the_integral_and_highest_where_it_was_found() -> None:
    counts = drawn(np.random.default_rng(1), 12, 20, 0.6, (1.0, 1.2), np.array([-2.0, -1.0, 0.5]))
    fit = cumulative_logit(counts, [1, 2, 3, 4])
    assert fit.converged
    assert not fit.singular
    close(fit.log_likelihood, integral(fit, counts), rtol=1e-6)
    moved = [
        CumulativeLogit(*(getattr(fit, name) + (step if name == changed else 0) for name in fit.__slots__))
        for changed in ("log_odds", "task_sd", "slope_sd", "thresholds")
        for step in (-0.05, 0.05)
    ]
    assert all(integral(other, counts) < fit.log_likelihood for other in moved)


def test_tasks_that_do_not_differ_are_an_ordered_logit_without_random_effects() -> None:
    counts = np.tile([[2.0, 4, 6, 3], [5, 6, 3, 1]], (9, 1, 1))
    fit = cumulative_logit(counts, [1, 2, 3, 4])
    assert (fit.task_sd, fit.slope_sd, fit.singular) == (0, 0, True)
    x = np.repeat(SIDES, 15)
    y = np.repeat(np.tile(np.arange(4), 2), counts[0].astype(int).ravel())
    known: Any = _ordinal.OrderedModel(np.tile(y, 9), np.tile(x, 9)[:, None], distr="logit").fit(disp=False)
    close(fit.log_odds, known.params[0], rtol=1e-3)
    close(fit.thresholds, known.model.transform_threshold_params(known.params)[1:-1], rtol=1e-3)
    close(fit.log_likelihood, known.llf, rtol=1e-3)


def test_two_levels_are_a_logistic_model() -> None:
    counts = np.tile([[3.0, 7], [6, 4]], (8, 1, 1))
    fit = cumulative_logit(counts, [0, 1])
    close(fit.log_odds, np.log(7 * 6 / (3 * 4)), rtol=1e-3)
    close(fit.difference, 0.3, rtol=2e-3)
    mirrored = cumulative_logit(counts[:, ::-1], [0, 1])
    close([mirrored.log_odds, mirrored.difference], [-fit.log_odds, -fit.difference], rtol=1e-4)


def test_clusters_are_what_varies() -> None:
    counts = drawn(np.random.default_rng(2), 8, 10, 0.5, (1.0, 0.8), np.array([0.0]))
    one, twice = (
        cumulative_logit(counts, [0, 1]),
        cumulative_logit(np.concatenate([counts] * 2), [0, 1], [*range(8)] * 2),
    )
    assert (one.df, twice.df) == (7, 7)
    close(twice.log_odds_se, one.log_odds_se, rtol=1e-3)


def test_odds_are_covered_and_seldom_found_where_there_are_none() -> None:
    """Few experiments here; bench/coverage.py plays more."""
    rng, missed = np.random.default_rng(3), 0
    for _ in range(20):
        fit = cumulative_logit(drawn(rng, 12, 6, 0.0, (1.0, 0.5), np.array([-0.5])), [0, 1])
        missed += abs(fit.log_odds) > 2.201 * fit.log_odds_se
    assert missed <= 4


@pytest.mark.parametrize(
    ("counts", "levels", "says"),
    [
        ([[[0, 5], [2, 3]]] * 6, [0, 1], "all scores of arm a are 1"),
        ([[[2, 3], [5, 0]]] * 6, [0, 1], "all scores of arm b are 0"),
        ([[[2, 0, 3], [2, 0, 3]]] * 6, [0, 1, 2], "each of which is there"),
        ([[[5], [5]]] * 6, [1], "two or more"),
    ],
)
def test_refused(counts: Any, levels: list[int], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        cumulative_logit(counts, levels)
