"""One rollout's path: the expected outcome given its log so far, cut by cut, from forks drawn anew after each cut.

`M_k = E[Y | log up to the end of round k]` is a martingale: `M_0` is a fresh rollout's mean, the last one the rollout's
own outcome, and the steps `M_k - M_(k-1)` say what each round did. One rollout identifies nothing else: no shares of
variance. Its own outcome enters no mean of forks, since the forks of a cut and what really followed are other draws.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from agentlab.stats.interval import t_quantile

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class End:
    """The rollout's own outcome, at its last cut. Judge noise alone makes it uncertain."""

    cut: int
    mean: float
    """Over its judge draws."""
    se: float = 0.0
    """`sqrt(sigma2_w / J)` for J judge draws; 0 takes the mean as it is."""
    df: float = float("inf")
    """Of `sigma2_w`."""


@dataclass(frozen=True, slots=True)
class Point:
    """`M_k`. `low` and `high` hold at the level they were asked for; None where the forks allow no interval."""

    cut: int
    forks: int
    """0 for the rollout's own outcome."""
    mean: float
    se: float
    """`s_k / sqrt(n_k)`: 0 where all forks agree, which is no certainty."""
    df: float | None
    """Of the t interval; None for an exact one."""
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class PathStep:
    """What the rounds after cut `start` up to cut `cut` did: `M_cut - M_start`."""

    start: int
    cut: int
    change: float
    low: float | None
    high: float | None

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high


@dataclass(frozen=True, slots=True)
class Path:
    """All points and steps hold at once: each family at `level`."""

    points: tuple[Point, ...]
    steps: tuple[PathStep, ...]
    decisive: PathStep | None
    """The largest step that excludes 0. It was selected, so its size is flattered: see `confirm`."""
    notes: tuple[str, ...]


def path(
    forks: Mapping[int, ArrayLike],
    end: End | None = None,
    scale: tuple[float, float] | None = None,
    family: int = 0,
    level: float = 0.95,
) -> Path:
    """The path over the cuts in `forks`, each with the outcomes of its forks, shape (n_k,), n_k at least 2.

    Points: with m cuts each interval has level `level^(1/m)`, so that all m hold at once at exactly `level` where forks
    of different cuts are independent, and at no less where shared random numbers make them agree. With t intervals this
    is the max-type band with every `|t_k|` measured by its own distribution (Beran 1988, J. Am. Stat. Assoc. 83, 679),
    so that a cut with few forks does not widen the others; with equal n it is the quantile of `max |t_k|`. Steps:
    Welch's t (Satterthwaite degrees of freedom) at `level^(1/steps)`; neighbors share a cut, and Šidák's inequality
    (1967, J. Am. Stat. Assoc. 62, 626) makes that level a lower bound.

    `scale` is the least and the greatest outcome there can be. With it, outcomes that are all at its ends get exact
    intervals (Clopper and Pearson 1934), as do forks that all agree: then `P(other) <= 1 - alpha^(1/n)`, and the mean
    lies within that share of the way to either end. Steps between such points take the square root of summed squared
    margins (Newcombe 1998, Stat. Med. 17, 873). Without it, forks that all agree get no interval.

    `family` is the number of cuts that could have been drawn, where later cuts were chosen by looking at earlier ones
    (bisection). Raises ValueError for a cut with one fork, a value that is no number or outside `scale`, or a cut after
    the end.
    """
    values = {cut: _values(cut, forks[cut], scale) for cut in sorted(forks)}
    if len(values) + (end is not None) < 2 or (end is not None and values and max(values) >= end.cut):
        raise ValueError(f"cuts {sorted(values)} and end {end and end.cut}: two or more are needed, the end after all")
    binary = scale is not None and all(bool(np.isin(x, scale).all()) for x in values.values())
    cuts = len(values) + (end is not None and end.se > 0)
    each = level ** (1 / max(cuts, family, 1))
    side = level ** (1 / max(len(values) - (end is None), family, 1))
    points = [_point(cut, x, scale, binary, each) for cut, x in values.items()]
    wide = [_point(cut, x, scale, binary, side) for cut, x in values.items()]
    if end is not None:
        points, wide = [*points, _last(end, each)], [*wide, _last(end, side)]
    steps = tuple(_step(a, b, side) for a, b in pairwise(wide))
    decisive = max((step for step in steps if step.excludes_zero), key=lambda step: abs(step.change), default=None)
    return Path(tuple(points), steps, decisive, tuple(_notes(points, decisive)))


def confirm(
    before: ArrayLike | End,
    after: ArrayLike | End,
    scale: tuple[float, float] | None = None,
    level: float = 0.95,
) -> PathStep:
    """A step that was selected, measured again on forks which had no part in selecting it: unbiased, at plain `level`.

    `before` and `after` are fresh outcomes at the step's two cuts; `after` may be the rollout's end. The cuts of the
    returned step are 0 and 1, or those of the ends given.
    """
    sides = [x if isinstance(x, End) else _values(i, x, scale) for i, x in enumerate((before, after))]
    arrays = [x for x in sides if not isinstance(x, End)]
    binary = scale is not None and all(bool(np.isin(x, scale).all()) for x in arrays)
    points = [
        _last(x, level) if isinstance(x, End) else _point(i, x, scale, binary, level) for i, x in enumerate(sides)
    ]
    return _step(points[0], points[1], level)


def next_cut(means: Mapping[int, float]) -> int | None:
    """The cut to fork next in a bisection, None when it ends; `means` holds `M_k` of the cuts known so far.

    The widest gap between neighboring known cuts is halved (ties: the wider span, then the earlier), until the widest
    lies between cuts next to each other. Starts from a fresh rollout's mean (cut 0) and the rollout's own outcome (its
    last cut). It finds a net change; a rise that is undone before the next known cut stays unseen. Raises ValueError
    for fewer than two cuts.
    """
    if len(means) < 2:
        raise ValueError(f"{len(means)} known cuts: a bisection starts from two, the first and the last")
    gaps = [(abs(means[b] - means[a]), b - a, -a) for a, b in pairwise(sorted(means))]
    gap, span, start = max(gaps)
    return None if gap == 0 or span == 1 else span // 2 - start


def _values(cut: int, outcomes: ArrayLike, scale: tuple[float, float] | None) -> Array:
    x: Array = np.asarray(outcomes, dtype=np.float64)
    if x.ndim != 1 or len(x) < 2:
        raise ValueError(
            f"cut {cut} has outcomes of shape {x.shape}: two forks or more are needed, one has no variance"
        )
    if not np.isfinite(x).all():
        raise ValueError(f"cut {cut} has an outcome that is no number: leave such forks out and count them")
    if scale is not None and (x.min() < min(scale) or x.max() > max(scale)):
        raise ValueError(f"cut {cut} has an outcome outside the scale from {min(scale)} to {max(scale)}")
    return x


def _point(cut: int, x: Array, scale: tuple[float, float] | None, binary: bool, level: float) -> Point:
    mean, n = float(x.mean()), len(x)
    if np.ptp(x) == 0:
        mean, se = float(x[0]), 0.0
    else:
        se = float(x.std(ddof=1)) / n**0.5
    if scale is not None and binary:
        low, high = _binomial(int((x == max(scale)).sum()), n, level)
        width = max(scale) - min(scale)
        return Point(cut, n, mean, se, None, min(scale) + low * width, min(scale) + high * width)
    if se > 0:
        margin = t_quantile(n - 1, level) * se
        return Point(cut, n, mean, se, n - 1, mean - margin, mean + margin)
    if scale is None:
        return Point(cut, n, mean, se, None, None, None)
    other = 1 - (1 - level) ** (1 / n)
    return Point(cut, n, mean, se, None, mean - other * (mean - min(scale)), mean + other * (max(scale) - mean))


def _binomial(hits: int, n: int, level: float) -> tuple[float, float]:
    """Clopper and Pearson's interval of a share."""
    tail = (1 - level) / 2
    low = float(special.betaincinv(hits, n - hits + 1, tail)) if hits else 0.0
    high = float(special.betaincinv(hits + 1, n - hits, 1 - tail)) if hits < n else 1.0
    return low, high


def _last(end: End, level: float) -> Point:
    margin = t_quantile(end.df, level) * end.se if end.se > 0 else 0.0
    return Point(end.cut, 0, end.mean, end.se, end.df, end.mean - margin, end.mean + margin)


def _step(a: Point, b: Point, level: float) -> PathStep:
    """Of two independent points whose own intervals hold at `level`."""
    change = b.mean - a.mean
    if a.low is None or a.high is None or b.low is None or b.high is None:
        return PathStep(a.cut, b.cut, change, None, None)
    if a.df is None or b.df is None:
        down = float(np.hypot(b.mean - b.low, a.high - a.mean))
        up = float(np.hypot(b.high - b.mean, a.mean - a.low))
        return PathStep(a.cut, b.cut, change, change - down, change + up)
    variance = a.se**2 + b.se**2
    if variance == 0:
        return PathStep(a.cut, b.cut, change, change, change)
    df = variance**2 / (a.se**4 / a.df + b.se**4 / b.df)
    margin = t_quantile(df, level) * variance**0.5
    return PathStep(a.cut, b.cut, change, change - margin, change + margin)


def _notes(points: list[Point], decisive: PathStep | None) -> list[str]:
    notes: list[str] = []
    blind = [str(point.cut) for point in points if point.low is None]
    if blind:
        notes.append(f"no interval at cut {', '.join(blind)}: all forks agree, and the range of the outcome is unknown")
    if decisive is None:
        fewest = min((point.forks for point in points if point.forks), default=0)
        notes.append(f"no decisive round found with this many forks ({fewest} or more per cut)")
    return notes
