"""Strengths of players from comparisons of two, with ties and with a term for being shown first.

With log strengths s, order d and tie t, the first of (i, j) wins in proportion to `exp(s_i + d/2)`, the second to
`exp(s_j - d/2)`, and they tie in proportion to `exp(t + (s_i + s_j)/2)`. Sources: Bradley and Terry (1952), Davidson
(1970, J. Am. Stat. Assoc. 65, 317) for ties, Davidson and Beaver (1977, Biometrics 33, 693) for order, Ford (1957) for
when strengths exist.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from scipy import special

from agentlab.stats.interval import Interval, t_interval

Array = NDArray[np.float64]
Codes = NDArray[np.intp]
STEPS, FARTHEST = 100, 15.0
"""Newton steps, and the log odds beyond which a strength counts as endless."""
ENDLESS = 1e6
"""Degrees of freedom of a normal interval."""
ROUNDING = 1e-9
"""A standard error of log odds below this is what rounding leaves of 0, and gives no interval."""


@dataclass(frozen=True, slots=True)
class Strengths:
    """A fitted model. Without an estimate `strengths` is None, and `note` says why."""

    players: tuple[str, ...]
    strengths: tuple[float, ...] | None
    """Log strengths that sum to 0: a gap of 1 is odds of e where nobody ties and order does not count."""
    order: float | None
    """Log odds of being shown first against being shown second; None where it is no part of the model."""
    order_interval: Interval | None
    """None too where both orders balance in every cluster, so that nothing is left to estimate its error from."""
    tie: float | None
    """Log weight of a tie of equals; None without a tie."""
    covariance: tuple[tuple[float, ...], ...] | None
    """Of the strengths; None with one cluster."""
    df: float
    """Of intervals: clusters less one, or endless."""
    comparisons: int
    clusters: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Data:
    """Features of the three outcomes (first, tie, second) of each comparison, what happened, and its cluster."""

    x_rok: Array
    outcome: Codes
    clusters: Codes | None


def bradley_terry(
    first: Sequence[str],
    second: Sequence[str],
    outcome: ArrayLike,
    order: bool = True,
    clusters: Sequence[Hashable] | None = None,
) -> Strengths:
    """Fits by maximum likelihood; all have shape (comparisons,), `outcome` is the first's: 1 won, 0.5 tied, 0 lost.

    Errors are those of the information matrix, or with `clusters` (tasks: both orders of one pair are in one) the
    sandwich times G/(G - 1), for t on G - 1 degrees of freedom. Estimates are None, with a note, where they would be
    endless: some players never lose to the others nor tie with them (Ford) or never meet them, order decides
    everything, or order and strength cannot be separated because every pair was shown in one order. Raises ValueError
    for another outcome (a refused comparison is to be left out), a player against itself, or unequal lengths.
    """
    result = np.asarray(outcome, dtype=np.float64)
    players = tuple(sorted({*first, *second}))
    _check(first, second, result, clusters)
    codes = {name: i for i, name in enumerate(players)}
    first_codes, second_codes = (np.array([codes[name] for name in side], dtype=np.intp) for side in (first, second))
    count = len({*clusters}) if clusters is not None else len(result)
    none = Strengths(players, None, None, None, None, None, ENDLESS, len(result), count)
    why = _unconnected(players, first_codes, second_codes, result)
    data = _data(first_codes, second_codes, result, order, len(players), clusters)
    if not why and np.linalg.matrix_rank(_contrasts(data)) < data.x_rok.shape[2]:
        why = "every pair was shown in one order only: order cannot be separated from strength"
    beta = None if why else _fit(data)
    if beta is None:
        return _because(none, why or "no finite estimate: order, or ties, decide every comparison")
    return _strengths(none, data, beta, order, count)


def versus(fitted: Strengths, a: str, b: str, level: float = 0.95) -> Interval | None:
    """The interval of the log strength of a over b; None without an estimate or errors, or for one player."""
    if fitted.strengths is None or fitted.covariance is None or a == b:
        return None
    i, j = fitted.players.index(a), fitted.players.index(b)
    c = fitted.covariance
    gap = fitted.strengths[i] - fitted.strengths[j]
    return fitted_interval(gap, c[i][i] + c[j][j] - 2 * c[i][j], fitted.df, level)


def fitted_interval(estimate: float, variance: float, df: float, level: float = 0.95) -> Interval | None:
    """The t interval of a log strength or of the order; None where its variance is 0 up to rounding."""
    se = max(variance, 0.0) ** 0.5
    return t_interval(estimate, se, df, level) if se > ROUNDING else None


def _strengths(none: Strengths, data: _Data, beta: Array, order: bool, count: int) -> Strengths:
    players = len(none.players)
    to_strengths = _centred(players)
    covariance, why = _covariance(data, beta, count)
    df = ENDLESS if data.clusters is None else float(count - 1)
    place = players - 1
    of_order = None
    if order and covariance is not None:
        of_order = fitted_interval(float(beta[place]), float(covariance[place, place]), df)
    ties = data.x_rok.shape[2] > place + order
    of_players = None if covariance is None else to_strengths @ covariance[:place, :place] @ to_strengths.T
    return Strengths(
        players=none.players,
        strengths=tuple(map(float, to_strengths @ beta[:place])),
        order=float(beta[place]) if order else None,
        order_interval=of_order,
        tie=float(beta[-1]) if ties else None,
        covariance=None if of_players is None else tuple(tuple(map(float, row)) for row in of_players),
        df=df,
        comparisons=none.comparisons,
        clusters=count,
        note=why,
    )


def _because(none: Strengths, why: str) -> Strengths:
    return Strengths(none.players, None, None, None, None, None, none.df, none.comparisons, none.clusters, why)


def _centred(players: int) -> Array:
    """From the log strengths of all players but the first, whose own is 0, to strengths that sum to 0."""
    full = np.eye(players)[:, 1:]
    return full - full.mean(axis=0)


def _data(
    first: Codes, second: Codes, result: Array, order: bool, players: int, clusters: Sequence[Hashable] | None
) -> _Data:
    rows, ties = len(result), bool((result == 0.5).any())
    x = np.zeros((rows, 3, players))
    at = np.arange(rows)
    x[at, 0, first], x[at, 2, second] = 1.0, 1.0
    x[at, 1, first], x[at, 1, second] = 0.5, 0.5
    parts = [x[:, :, 1:]]
    if order:
        parts.append(np.broadcast_to(np.array([0.5, 0.0, -0.5])[None, :, None], (rows, 3, 1)))
    if ties:
        parts.append(np.broadcast_to(np.array([0.0, 1.0, 0.0])[None, :, None], (rows, 3, 1)))
    known: dict[Hashable, int] = {}
    codes = None if clusters is None else np.array([known.setdefault(c, len(known)) for c in clusters], dtype=np.intp)
    outcome = np.where(result == 1, 0, np.where(result == 0, 2, 1)).astype(np.intp)
    made = np.concatenate(parts, axis=2)
    return _Data(made, outcome, codes) if ties else _Data(made[:, [0, 2]], np.minimum(outcome, 1), codes)


def _contrasts(data: _Data) -> Array:
    """What distinguishes outcomes: features of each but the last, less those of the last."""
    x = data.x_rok
    return (x[:, :-1] - x[:, -1:]).reshape(-1, x.shape[2])


def _fit(data: _Data) -> Array | None:
    """Newton's method with halved steps on a concave likelihood; None where it runs off."""
    beta: Array = np.zeros(int(data.x_rok.shape[2]), dtype=np.float64)
    step: Array = beta
    best = -np.inf
    for _ in range(STEPS):
        value, scores, information = _likelihood(data, beta)
        if value < best - 1e-12 * abs(best):
            step = np.asarray(step / 2, dtype=np.float64)
            beta = np.asarray(beta - step, dtype=np.float64)
            continue
        if np.abs(beta).max(initial=0) > FARTHEST or np.linalg.cond(information) > 1e12:
            return None
        best = value
        step = np.asarray(np.linalg.solve(information, scores.sum(0)), dtype=np.float64)
        if np.abs(step).max() < 1e-10:
            return beta
        beta = np.asarray(beta + step, dtype=np.float64)
    return None


def _likelihood(data: _Data, beta: Array) -> tuple[float, Array, Array]:
    """Log likelihood, its gradient by comparison, and the information matrix."""
    at = np.arange(len(data.outcome))
    logs = special.log_softmax(data.x_rok @ beta, axis=1)
    p_ro = np.exp(logs)
    means = np.einsum("ro,rok->rk", p_ro, data.x_rok)
    spread = np.einsum("ro,rok,rol->kl", p_ro, data.x_rok, data.x_rok, optimize=True) - means.T @ means
    return float(logs[at, data.outcome].sum()), data.x_rok[at, data.outcome] - means, spread


def _covariance(data: _Data, beta: Array, count: int) -> tuple[Array | None, str]:
    _, scores, information = _likelihood(data, beta)
    bread: Array = np.asarray(np.linalg.inv(information), dtype=np.float64)
    if data.clusters is None:
        return bread, ""
    if count < 2:
        return None, "no intervals: all comparisons belong to one cluster"
    sums = np.zeros((count, scores.shape[1]))
    np.add.at(sums, data.clusters, scores)
    return np.asarray(bread @ (sums.T @ sums) @ bread * count / (count - 1), dtype=np.float64), ""


def _unconnected(players: Sequence[str], first: Codes, second: Codes, result: Array) -> str:
    """Why strengths would be endless; empty when a chain of wins or ties leads from everybody to everybody."""
    if len(players) < 2:
        return "no comparisons"
    winners, losers = np.where(result >= 0.5, first, second), np.where(result >= 0.5, second, first)
    tied = result == 0.5
    start, end = np.concatenate([winners, losers[tied]]), np.concatenate([losers, winners[tied]])
    graph = scipy.sparse.coo_matrix((np.ones(len(start)), (start, end)), shape=(len(players), len(players)))
    count, part = scipy.sparse.csgraph.connected_components(graph, directed=True, connection="strong")
    if count == 1:
        return ""
    groups, group = scipy.sparse.csgraph.connected_components(graph, directed=False)
    if groups > 1:
        names = (", ".join(n for n, of in zip(players, group, strict=True) if of == each) for each in range(groups))
        return f"no strengths: these groups were never compared with each other: {'; '.join(names)}"
    below = {int(part[j]) for i, j in zip(start, end, strict=True) if part[i] != part[j]}
    top = sorted(name for name, component in zip(players, part, strict=True) if int(component) not in below)
    return f"strengths are infinite: no other arm ever beat or tied with {', '.join(top)}"


def _check(first: Sequence[str], second: Sequence[str], result: Array, clusters: Sequence[Hashable] | None) -> None:
    sizes = {len(first), len(second), len(result), len(result) if clusters is None else len(clusters)}
    if result.ndim != 1 or len(sizes) > 1:
        raise ValueError("first, second, outcome and clusters have one length")
    if not np.isin(result, (0.0, 0.5, 1.0)).all():
        raise ValueError("an outcome is 1 (the first won), 0.5 (a tie) or 0; leave out what was not decided")
    itself = next((a for a, b in zip(first, second, strict=True) if a == b), None)
    if itself is not None:
        raise ValueError(f"{itself!r} is compared with itself")
