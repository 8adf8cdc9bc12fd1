"""Studies of coverage: variance components of scores that are not normal."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentlab.stats.components.components import JUDGED, components
from bench.tally import Tally

Array = NDArray[np.float64]
Sizes = tuple[int, int, int]
"""Tasks, draws of each, judge draws of each."""
Scores = Callable[[np.random.Generator, Sizes], Array]
SIZES: Sequence[Sizes] = ((10, 5, 2), (12, 15, 2), (30, 15, 2))
MANY = (200_000, 4, 3)
"""What the truth is computed from."""


def nested(effects: Sequence[Callable[[np.random.Generator, tuple[int, ...]], Array]]) -> Scores:
    """Effects of SD 1 for tasks, draws and judge draws, times .5, .7 and .5."""

    def scores(rng: np.random.Generator, sizes: Sizes) -> Array:
        values = np.zeros(sizes)
        for i, (effect, deviation) in enumerate(zip(effects, (0.5, 0.7, 0.5), strict=True)):
            values = values + deviation * effect(rng, (*sizes[: i + 1], *[1] * (2 - i)))
        return values

    return scores


def heavy(df: float) -> Callable[[np.random.Generator, tuple[int, ...]], Array]:
    """Student's t, scaled."""
    return lambda rng, size: rng.standard_t(df, size=size) * ((df - 2) / df) ** 0.5


def skewed(rng: np.random.Generator, size: tuple[int, ...]) -> Array:
    """Lognormal with a log SD of .8, scaled: skewness 3.7."""
    mean, square = np.exp(0.32), np.exp(0.64)
    return (rng.lognormal(0.0, 0.8, size=size) - mean) / (mean * (square - 1) ** 0.5)


def normal(rng: np.random.Generator, size: tuple[int, ...]) -> Array:
    """Of SD 1."""
    return rng.normal(size=size)


def rubric(mean: float) -> Scores:
    """Whole points from 1 to 5, cut off at both ends, around a mean that may lie beyond."""

    def scores(rng: np.random.Generator, sizes: Sizes) -> Array:
        return np.clip(np.rint(mean + nested((normal, normal, normal))(rng, sizes) * 0.8), 1, 5)

    return scores


def rare(share: float, wrong: float = 0.0) -> Scores:
    """0 or 1, 1 in that share of draws, differing by task; a judge that takes one for the other in a share `wrong`."""

    def scores(rng: np.random.Generator, sizes: Sizes) -> Array:
        p = rng.beta(10 * share, 10 * (1 - share), size=(sizes[0], 1, 1))
        held = rng.random((*sizes[:2], 1)) < p
        return np.where(rng.random(sizes) < wrong, ~held, held).astype(np.float64)

    return scores


CASES: dict[str, Scores] = {
    "normal": nested((normal, normal, normal)),
    "heavy tails: t with 5 df": nested((heavy(5), heavy(5), heavy(5))),
    "heavier tails: t with 3 df": nested((heavy(3), heavy(3), heavy(3))),
    "skewed tasks": nested((skewed, normal, normal)),
    "skewed tasks and draws": nested((skewed, skewed, normal)),
    "rubric, mean 3": rubric(3),
    "rubric at its ceiling, mean 5": rubric(5),
    "right in .9": rare(0.9),
    "1 in .05": rare(0.05),
    "1 in .05, judged wrongly in .02": rare(0.05, 0.02),
}


@dataclass(frozen=True, slots=True)
class Truth:
    """The variance that each level adds."""

    levels: tuple[float, float, float]

    @classmethod
    def of(cls, scores: Scores, seed: int) -> "Truth":
        """From so many tasks that chance does not count."""
        y = scores(np.random.default_rng(seed), MANY)
        means, judge = y.mean(axis=2), float(y.var(axis=2, ddof=1).mean())
        within = float(means.var(axis=1, ddof=1).mean())
        task = float(means.mean(axis=1).var(ddof=1)) - within / MANY[1]
        return cls((task, within - judge / MANY[2], judge))


def of_scores(
    experiments: int, seed: int, cases: Sequence[str] = tuple(CASES), sizes: Sequence[Sizes] = SIZES
) -> list[dict[str, Any]]:
    """Limits of every component, for tasks drawn anew; a quarter of the experiments."""
    rows: list[dict[str, Any]] = []
    for i, name in enumerate(cases):
        truth = Truth.of(CASES[name], seed).levels
        for j, size in enumerate(sizes):
            rng = np.random.default_rng([seed, i, j])
            known: dict[str, float] = dict(zip(JUDGED, truth, strict=True))
            tallies = _counted(rng, CASES[name], size, known, experiments)
            rows.append({"setting": f"{name}, {' x '.join(map(str, size))}", **tallies})
    return rows


def of_fixed(experiments: int, seed: int) -> list[dict[str, Any]]:
    """Limits for draws and judge draws of the very tasks at hand, all of one variance; a quarter of the experiments."""
    rows: list[dict[str, Any]] = []
    for i, name in enumerate(("normal", "heavy tails: t with 5 df", "rubric, mean 3")):
        truth = Truth.of(CASES[name], seed).levels
        for j, sizes in enumerate(((1, 8, 2), (1, 30, 2), (4, 8, 2))):
            rng = np.random.default_rng([seed, i, j])
            known: dict[str, float] = dict(zip(JUDGED[1:], truth[1:], strict=True))
            tallies = _counted(rng, CASES[name], sizes, known, experiments, fixed=True)
            rows.append({"setting": f"{name}, {' x '.join(map(str, sizes))}", **tallies})
    return rows


def _counted(
    rng: np.random.Generator,
    scores: Scores,
    sizes: Sizes,
    truths: dict[str, float],
    experiments: int,
    fixed: bool = False,
) -> dict[str, Any]:
    tallies = {name: Tally(truth) for name, truth in truths.items() if truth > 0}
    at = np.arange(np.prod(sizes))
    codes = (at // (sizes[1] * sizes[2]), at // sizes[2])
    for _ in range(experiments // 4):
        values = scores(rng, sizes).reshape(-1)
        if np.ptp(values) == 0:
            continue
        result = components(codes, values, fixed=fixed)
        for name, tally in tallies.items():
            level = result.of(name)
            tally.add(level.variance, level.low, level.high)
    return {name: tally.figures() for name, tally in tallies.items()}
