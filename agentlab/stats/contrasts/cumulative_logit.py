"""Two arms on scores of few levels: the cumulative-logit mixed model, which with two levels is the logistic one.

`logit P(Y <= c) = theta_c - eta`, `eta = beta x + u + s x`, x +1/2 in arm a and -1/2 in b, `u ~ N(0, sd_u^2)` and
`s ~ N(0, sd_s^2)` by task. The marginal likelihood is integrated by adaptive Gauss-Hermite quadrature, task by task.
Sources: McCullagh (1980, J. R. Stat. Soc. B 42, 109); Hedeker and Gibbons (1994, Biometrics 50, 933); Pinheiro and
Bates (1995, J. Comput. Graph. Stat. 4, 12) for the quadrature; White (1982, Econometrica 50, 1) for standard errors.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from scipy import special

from agentlab.stats.jackknife import Clusters, clustered

Array = NDArray[np.float64]
SIDES = np.array([0.5, -0.5])
LEAST_SD = 0.02
"""Where a standard deviation stops: in logits it is none."""
STEEPEST = 0.01
"""Slope of the log-likelihood, in any free parameter, under which a fit has converged."""
_NODES, _WEIGHTS = np.polynomial.hermite.hermgauss(7)
_GRID = np.array(list(product(_NODES, _NODES))) * 2**0.5
_LOG_WEIGHTS = np.log(np.array([a * b for a, b in product(_WEIGHTS, _WEIGHTS)])) + (_GRID**2).sum(axis=1) / 2
_WIDE, _WIDE_WEIGHTS = np.polynomial.hermite.hermgauss(31)
_STEPS = 30


@dataclass(frozen=True, slots=True)
class CumulativeLogit:
    """The fitted model. Standard errors are those of the sandwich over tasks, or clusters of them."""

    log_odds: float
    """beta: of a higher score in a than in b, for one task."""
    log_odds_se: float
    difference: float
    """Mean score of a less that of b, over tasks like these."""
    difference_se: float
    task_sd: float
    slope_sd: float
    thresholds: Array
    """Shape (levels - 1,)."""
    df: int
    """Tasks, or clusters, less one."""
    log_likelihood: float
    converged: bool
    singular: bool
    """A standard deviation is 0."""


def cumulative_logit(counts: ArrayLike, levels: ArrayLike, clusters: Clusters = None) -> CumulativeLogit:
    """Fits counts of shape (G, 2, C): of each task and arm (a, b), how many draws have each of C `levels`, ascending.

    `clusters`, shape (G,), has the cluster of each task. Raises ValueError for fewer than two levels, a level that
    nobody has, or an arm that has but the lowest or highest.
    """
    n, scores = np.asarray(counts, dtype=np.float64), np.asarray(levels, dtype=np.float64)
    by_arm = n.sum(axis=0)
    if n.ndim != 3 or n.shape[1:] != (2, len(scores)) or len(scores) < 2 or not (by_arm.sum(axis=0) > 0).all():
        raise ValueError(f"counts of shape {n.shape} for {len(scores)} levels: two or more, each of which is there")
    for name, totals in zip("ab", by_arm, strict=True):
        if totals[0] == totals.sum() or totals[-1] == totals.sum():
            raise ValueError(
                f"all scores of arm {name} are {scores[0 if totals[0] else -1]:g}, so the odds ratio is infinite"
            )
    start = _start(by_arm)
    low = np.log(LEAST_SD)
    bounds = [(None, None)] * (len(start) - 2) + [(low, 3.0)] * 2

    def loss(at: Array) -> tuple[float, Array]:
        value, slopes = _by_task(at, n)
        return -float(value.sum()), -slopes.sum(axis=0)

    fit = scipy.optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-10})
    at: Array = np.asarray(fit.x, dtype=np.float64)
    free = np.append(np.ones(len(at) - 2, dtype=bool), at[-2:] > low + 1e-3)
    cov, units = _sandwich(at, n, free, clusters)
    slope = _gradient(lambda x: np.array([_apart(x, scores)]), at)[:, 0]
    errors = [float(max(0.0, v @ cov @ v)) ** 0.5 for v in (np.eye(len(at))[-3], slope)]
    sds = np.exp(at[-2:])
    return CumulativeLogit(
        float(at[-3]),
        errors[0],
        _apart(at, scores),
        errors[1],
        *(0.0 if not is_free else float(sd) for is_free, sd in zip(free[-2:], sds, strict=True)),
        thresholds=_thresholds(at),
        df=units - 1,
        log_likelihood=-float(fit.fun),
        converged=bool(np.abs(loss(at)[1][free]).max() < STEEPEST) and all(np.isfinite(errors)),
        singular=not free.all(),
    )


def _start(by_arm: Array) -> Array:
    """Parameters: first threshold, logs of the steps to the others, beta, logs of both standard deviations."""
    shares: Array = (by_arm.sum(axis=0).cumsum() / by_arm.sum())[:-1]
    cuts: Array = special.logit(np.clip(shares, 0.01, 0.99))
    return np.array([cuts[0], *np.log(np.maximum(np.diff(cuts), 0.05)), 0.0, -0.5, -1.0])


def _thresholds(at: Array) -> Array:
    return np.cumsum(np.append(at[0], np.exp(at[1:-3])))


def _below(at: Array, eta: Array) -> Array:
    """`P(Y <= c)` with 0 before the first level and 1 at the last: shape (..., C + 1) for `eta` of shape (...)."""
    inner = special.expit(_thresholds(at) - eta[..., None])
    return np.concatenate([np.zeros((*eta.shape, 1)), inner, np.ones((*eta.shape, 1))], axis=-1)


def _modes(at: Array, n: Array, loads: Array) -> tuple[Array, Array]:
    """Of the standardized effects z given the counts, shape (G, 2), by Newton's method; and the curvature there."""
    z, curved = np.zeros((len(n), 2)), np.tile(np.eye(2), (len(n), 1, 1))
    for _ in range(_STEPS):
        below = _below(at, at[-3] * SIDES + z @ loads)
        dense = below * (1 - below)
        first: Array = (n * (below[..., 1:] + below[..., :-1] - 1)).sum(axis=-1)
        second: Array = (n * (dense[..., 1:] + dense[..., :-1])).sum(axis=-1)
        curved = np.einsum("ia,ta,ja->tij", loads, second, loads) + np.eye(2)
        step = np.asarray(np.linalg.solve(curved, (first @ loads.T - z)[..., None]), dtype=np.float64)[..., 0]
        z = z + step / np.maximum(1.0, np.abs(step).max(axis=1, keepdims=True))
        if np.abs(step).max() < 1e-6:
            break
    return z, curved


def _by_task(at: Array, n: Array) -> tuple[Array, Array]:
    """Marginal log-likelihood by task, shape (G,), with its gradient, shape (G, parameters), by Fisher's identity."""
    sds = np.exp(at[-2:])
    loads = np.stack([np.full(2, sds[0]), sds[1] * SIDES])  # of z on both arms, shape (2, arms)
    z, curved = _modes(at, n, loads)
    root = np.asarray(np.linalg.inv(np.linalg.cholesky(curved)), dtype=np.float64).transpose(0, 2, 1)
    nodes: Array = z[:, None, :] + np.einsum("tij,kj->tki", root, _GRID)
    below, counts = _below(at, at[-3] * SIDES + nodes @ loads), n[:, None]
    chance = np.maximum(np.diff(below, axis=-1), 1e-300)
    density: Array = (counts * np.log(chance)).sum(axis=(-1, -2)) - (nodes**2).sum(axis=-1) / 2 + _LOG_WEIGHTS
    value: Array = special.logsumexp(density, axis=1)
    weights = np.exp(density - value[:, None])
    first = (counts * (below[..., 1:] + below[..., :-1] - 1)).sum(axis=-1)  # by eta, shape (G, nodes, arms)
    per, inner = counts / chance, below[..., 1:-1] * (1 - below[..., 1:-1])
    cuts: Array = (inner * (per[..., :-1] - per[..., 1:])).sum(axis=-2)  # by threshold
    steps = np.exp(at[1:-3]) * cuts[..., ::-1].cumsum(axis=-1)[..., ::-1][..., 1:]
    effects = nodes * (first @ loads.T)
    slopes = np.concatenate([cuts.sum(axis=-1, keepdims=True), steps, (first @ SIDES)[..., None], effects], axis=-1)
    return value + np.linalg.slogdet(root)[1] - np.log(np.pi), np.einsum("tk,tkp->tp", weights, slopes)


def _apart(at: Array, scores: Array) -> float:
    """Mean score of a less that of b, over the distribution of tasks."""
    sds = np.exp(at[-2:])
    spread = (sds[0] ** 2 + sds[1] ** 2 / 4) ** 0.5 * 2**0.5 * _WIDE
    chances = np.diff(_below(at, at[-3] * SIDES[:, None] + spread), axis=-1)
    means = (chances @ scores) @ _WIDE_WEIGHTS / np.pi**0.5
    return float(means[0] - means[1])


def _gradient(of: Callable[[Array], Array], at: Array, step: float = 1e-4) -> Array:
    """Central differences, shape (parameters, values)."""
    return np.array([(of(at + shift) - of(at - shift)) / (2 * step) for shift in np.eye(len(at)) * step])


def _sandwich(at: Array, n: Array, free: NDArray[np.bool_], clusters: Clusters) -> tuple[Array, int]:
    """`H^-1 (sum g g') H^-1 G / (G - 1)` of the `free` parameters, g being gradients of G tasks or clusters; and G."""
    slopes = clustered(_by_task(at, n)[1][:, free], clusters)
    hessian = _gradient(lambda x: _by_task(x, n)[1].sum(axis=0), at)[np.ix_(free, free)]
    inverse, count = np.linalg.pinv(-(hessian + hessian.T) / 2), len(slopes)
    covariance = np.zeros((len(at), len(at)))
    covariance[np.ix_(free, free)] = inverse @ (slopes.T @ slopes) @ inverse * count / (count - 1)
    return covariance, count
