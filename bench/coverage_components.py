"""Studies of coverage: variance components of judged or right-or-wrong scores, and correlations of two measures."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentlab.stats.components.components import IN_CONTEXTS, JUDGED, components
from agentlab.stats.components.covariances import Scores, covariances
from agentlab.stats.components.two_values import two_valued
from bench.tally import Tally

Array = NDArray[np.float64]
Codes = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Setting:
    """Sizes from the top level down and the standard deviation of each level."""

    name: str
    sizes: tuple[int, ...]
    deviations: tuple[float, ...]
    lost: float = 0.0
    """Share of the values that is missing by chance, which makes numbers unequal."""

    def rows(self, rng: np.random.Generator, measures: int = 1) -> tuple[list[Codes], list[Array]]:
        """Labels of all levels, shape (N,) each, and what every level adds, with SD 1, shape (measures, N) each."""
        total = math.prod(self.sizes)
        at: Codes = np.arange(total, dtype=np.intp)
        groups = [at // math.prod(self.sizes[i + 1 :]) for i in range(len(self.sizes))]
        normal = [rng.normal(size=(measures, int(g[-1]) + 1))[:, g] for g in groups]
        kept = rng.random(total) >= self.lost
        return [g[kept] for g in groups], [z[:, kept] for z in normal]


SETTINGS = (
    Setting("10 tasks x 5 draws x 2 judge draws", (10, 5, 2), (1.0, 0.7, 0.5)),
    Setting("10 x 15 x 2, small task effect", (10, 15, 2), (0.3, 1.0, 0.5)),
    Setting("30 x 5 x 3, noisy judge", (30, 5, 3), (1.0, 0.5, 1.5)),
    Setting("6 x 3 x 2", (6, 3, 2), (1.0, 1.0, 1.0)),
    Setting("no task effect", (10, 5, 2), (0.0, 1.0, 0.5)),
    Setting("no draw effect", (10, 5, 2), (1.0, 0.0, 0.5)),
    Setting("10 x 6 x 3, a fifth lost", (10, 6, 3), (1.0, 0.7, 0.5), lost=0.2),
    Setting("20 x 8 x 3, half lost", (20, 8, 3), (0.5, 0.7, 1.0), lost=0.5),
    Setting("10 tasks x 10 contexts x 3 draws x 2", (10, 10, 3, 2), (1.0, 0.5, 0.7, 0.5)),
    Setting("12 x 4 x 4 x 2, a third lost", (12, 4, 4, 2), (1.0, 0.7, 0.7, 0.7), lost=0.33),
    Setting("no context effect", (10, 5, 3, 2), (1.0, 0.0, 0.7, 0.5)),
)


def of_components(experiments: int, seed: int, settings: Sequence[Setting] = SETTINGS) -> list[dict[str, Any]]:
    """Limits of every component and of their sum, for normal scores."""
    rows: list[dict[str, Any]] = []
    for i, setting in enumerate(settings):
        rng = np.random.default_rng([seed, i])
        names = JUDGED if len(setting.sizes) == len(JUDGED) else IN_CONTEXTS
        truths = {name: d**2 for name, d in zip(names, setting.deviations, strict=True)}
        tallies = {name: Tally(truth) for name, truth in {**truths, "total": sum(truths.values())}.items()}
        for _ in range(experiments):
            codes, parts = setting.rows(rng)
            values = sum(d * z[0] for d, z in zip(setting.deviations, parts, strict=True))
            result = components(codes[:-1], values, names)
            for level in (*result.levels, result.total):
                tallies[level.name].add(level.variance, level.low, level.high)
        rows.append({"setting": setting.name, **{name: tally.figures() for name, tally in tallies.items()}})
    return rows


SHARED = (
    (SETTINGS[0], (0.5, 0.3, 0.6)),
    (SETTINGS[1], (0.0, 0.8, 0.0)),
    (SETTINGS[2], (0.7, 0.5, 0.5)),
    (SETTINGS[6], (0.5, 0.0, 0.6)),
    (Setting("30 x 10 x 3, a third lost", (30, 10, 3), (1.0, 0.7, 0.7), lost=0.33), (0.3, -0.6, 0.4)),
)
"""Settings of two measures, and their correlation on each level."""


def of_covariances(experiments: int, seed: int) -> list[dict[str, Any]]:
    """Jackknife limits of the correlations of two measures on every level, noise taken out."""
    rows: list[dict[str, Any]] = []
    for i, (setting, shared) in enumerate(SHARED):
        rng = np.random.default_rng([seed, 100 + i])
        tallies = {name: Tally(r, edge=False) for name, r in zip(JUDGED, shared, strict=True)}
        for _ in range(experiments):
            codes, both = setting.rows(rng, 2)
            x = sum(d * z[0] for d, z in zip(setting.deviations, both, strict=True))
            turned = [r * z[0] + (1 - r**2) ** 0.5 * z[1] for r, z in zip(shared, both, strict=True)]
            y = sum(d * z for d, z in zip(setting.deviations, turned, strict=True))
            result = covariances(Scores(codes[:-1], x), Scores(codes[:-1], y), same_calls=True)
            for level in result.levels:
                tallies[level.name].add(level.correlation, level.low, level.high)
        rows.append({"setting": setting.name, **{name: tally.figures() for name, tally in tallies.items()}})
    return rows


CHANCES: Mapping[str, Callable[[np.random.Generator, int], Array]] = {
    "right in .6": lambda _, tasks: np.full(tasks, 0.6),
    "right in .5": lambda _, tasks: np.full(tasks, 0.5),
    "right in .95": lambda _, tasks: np.full(tasks, 0.95),
    "beta(2, 2)": lambda rng, tasks: rng.beta(2, 2, tasks),
    "beta(9, 1)": lambda rng, tasks: rng.beta(9, 1, tasks),
}
"""By name: the chances of tasks to be right in a draw."""


def of_two_values(experiments: int, seed: int) -> list[dict[str, Any]]:
    """Limits of the variance of right-or-wrong scores over draws and in all; for tasks of 4 and 15 draws."""
    rows: list[dict[str, Any]] = []
    for i, (name, chances) in enumerate(CHANCES.items()):
        many = chances(np.random.default_rng([seed, 200 + i]), 400_000)
        truths = {"draw": float((many * (1 - many)).mean()), "total": float(many.mean() * (1 - many.mean()))}
        for j, (tasks, draws) in enumerate(((8, 4), (8, 15), (30, 4), (30, 15))):
            rng, tallies = (
                np.random.default_rng([seed, 200 + i, j]),
                {key: Tally(truth) for key, truth in truths.items()},
            )
            labels = np.repeat(np.arange(tasks), draws)
            for _ in range(experiments):
                values = (rng.random(len(labels)) < chances(rng, tasks)[labels]).astype(np.float64)
                found = two_valued(labels, values, (0.0, 1.0))
                for key, tally in tallies.items():
                    ends: tuple[float | None, float | None] = (None, None) if found is None else getattr(found, key)
                    tally.add(float(values.var()), *ends)
            figures = {key: tally.figures() for key, tally in tallies.items()}
            for of in figures.values():
                of.pop("bias_in_errors", None)
            rows.append({"setting": f"{name}, {tasks} x {draws}", **figures})
    return rows
