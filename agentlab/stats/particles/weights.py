"""Arithmetic of log-weights in nats, where minus infinity is a weight of zero.

Pure Python: a population has a few hundred numbers, and inference must not wait for numpy to load.
"""

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Literal

Scheme = Literal["systematic", "multinomial", "residual"]


def log_sum(weights: Sequence[float]) -> float:
    """The logarithm of the sum of the weights; minus infinity when there are none."""
    top = max(weights, default=-math.inf)
    return top if top == -math.inf else top + math.log(math.fsum(math.exp(weight - top) for weight in weights))


def log_mean(weights: Sequence[float]) -> float:
    """The logarithm of the mean weight: how estimates of evidence from several draws combine."""
    return log_sum(weights) - math.log(len(weights))


def shares(weights: Sequence[float]) -> list[float]:
    """The weights divided by their sum; all 0 when no weight is above zero."""
    total = log_sum(weights)
    return [0.0] * len(weights) if total == -math.inf else [math.exp(weight - total) for weight in weights]


def effective_size(weights: Sequence[float]) -> float:
    """The effective sample size (Kong 1992), from 1 to the number of weights; 0 when no weight is above zero."""
    squares = math.fsum(share * share for share in shares(weights))
    return 1 / squares if squares else 0.0


def ancestors(weights: Sequence[float], scheme: Scheme, uniforms: Sequence[float]) -> list[int]:
    """For each place of the next population the index of the particle that it copies, in ascending order.

    `uniforms` has one number in [0, 1) for each particle; `systematic` uses the first alone. At least one weight must
    be above zero. Every scheme copies a particle as often as its share says on average (Douc, Cappé and Moulines
    2005).
    """
    fractions, size = shares(weights), len(weights)
    if scheme == "systematic":
        return _at(fractions, [(i + uniforms[0]) / size for i in range(size)])
    if scheme == "multinomial":
        return _at(fractions, sorted(uniforms))
    certain = [math.floor(fraction * size + 1e-12) for fraction in fractions]
    chosen = [i for i, copies in enumerate(certain) for _ in range(copies)][:size]
    rest = [max(0.0, fraction * size - copies) for fraction, copies in zip(fractions, certain, strict=True)]
    left, total = size - len(chosen), math.fsum(rest)
    if not left:
        return chosen
    remainders = [part / total for part in rest] if total else fractions
    return sorted([*chosen, *_at(remainders, sorted(uniforms[:left]))])


def _at(fractions: Sequence[float], points: Sequence[float]) -> list[int]:
    """The index into which each of the ascending points falls, when the fractions stand side by side."""
    edges, last = list(accumulate(fractions)), max(i for i, fraction in enumerate(fractions) if fraction > 0)
    indices, i = list[int](), 0
    for point in points:
        while i < last and (point >= edges[i] or not fractions[i]):
            i += 1
        indices.append(i)
    return indices
