"""How often do 95 % intervals cover what was simulated? Many small experiments per setting; prints JSON.

    python bench/coverage.py [--experiments 2000] [--study components]

A study is a list of settings; each plays its experiments and counts per quantity. Aimed at is 93.5 to 96.5 %. What is
truly 0 lies on the boundary and is told apart: there an interval may cover more.
"""

import os
import sys

if (HERE := os.path.dirname(os.path.abspath(__file__))) in sys.path:
    sys.path.remove(HERE)  # else the standard library's `import http` finds the bench of that name
    sys.path.insert(0, os.path.dirname(HERE))

import argparse
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentlab.stats.components.components import IN_CONTEXTS, JUDGED, components
from agentlab.stats.components.covariances import Scores, covariances

Array = NDArray[np.float64]
Codes = NDArray[np.intp]
LEAST, MOST = 0.935, 0.965


@dataclass(slots=True)
class Tally:
    """Of one quantity over experiments: estimates, and where the truth lay."""

    truth: float
    edge: bool = True
    """Whether 0 is the least that it may be."""
    estimates: list[float] = field(default_factory=list[float])
    below: int = 0
    above: int = 0
    missing: int = 0

    def add(self, estimate: float | None, low: float | None, high: float | None) -> None:
        """One experiment's estimate with its limits; without limits it is counted as missing."""
        if estimate is None or low is None or high is None:
            self.missing += 1
            return
        self.estimates.append(estimate)
        self.below += self.truth < low
        self.above += self.truth > high

    def told(self) -> dict[str, Any]:
        """Coverage, its two misses, bias in standard errors of the simulation, and whether the aim is met."""
        n = len(self.estimates)
        coverage = 1 - (self.below + self.above) / n
        off = float(np.mean(self.estimates)) - self.truth
        error = float(np.std(self.estimates, ddof=1)) / math.sqrt(n)
        verdict = "boundary" if self.truth == 0 and self.edge else "yes" if LEAST <= coverage <= MOST else "no"
        return {
            "truth": round(self.truth, 6),
            "coverage": round(coverage, 4),
            "truth_below": round(self.below / n, 4),
            "truth_above": round(self.above / n, 4),
            "bias_in_errors": round(off / error, 2),
            "missing": self.missing,
            "within_aim": verdict,
        }


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
    """MLS limits of every component and of their sum."""
    found: list[dict[str, Any]] = []
    for i, setting in enumerate(settings):
        rng = np.random.default_rng([seed, i])
        names = JUDGED if len(setting.sizes) == len(JUDGED) else IN_CONTEXTS
        truths = {name: d**2 for name, d in zip(names, setting.deviations, strict=True)}
        tallies = {name: Tally(truth) for name, truth in {**truths, "total": sum(truths.values())}.items()}
        for _ in range(experiments):
            codes, parts = setting.rows(rng)
            values = sum(d * z[0] for d, z in zip(setting.deviations, parts, strict=True))
            result = components(codes[:-1], values, names)
            for one in (*result.levels, result.total):
                tallies[one.name].add(one.variance, one.low, one.high)
        found.append({"setting": setting.name, **{name: tally.told() for name, tally in tallies.items()}})
    return found


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
    found: list[dict[str, Any]] = []
    for i, (setting, shared) in enumerate(SHARED):
        rng = np.random.default_rng([seed, 100 + i])
        tallies = {name: Tally(r, edge=False) for name, r in zip(JUDGED, shared, strict=True)}
        for _ in range(experiments):
            codes, both = setting.rows(rng, 2)
            x = sum(d * z[0] for d, z in zip(setting.deviations, both, strict=True))
            turned = [r * z[0] + (1 - r**2) ** 0.5 * z[1] for r, z in zip(shared, both, strict=True)]
            y = sum(d * z for d, z in zip(setting.deviations, turned, strict=True))
            result = covariances(Scores(codes[:-1], x), Scores(codes[:-1], y), same_calls=True)
            for one in result.levels:
                tallies[one.name].add(one.correlation, one.low, one.high)
        found.append({"setting": setting.name, **{name: tally.told() for name, tally in tallies.items()}})
    return found


STUDIES: Mapping[str, Callable[[int, int], list[dict[str, Any]]]] = {
    "components": of_components,
    "covariances": of_covariances,
}
"""By name: experiments per setting and a seed go in, a row for each setting comes out."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Plays the studies that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", type=int, default=2000)
    parser.add_argument("--study", choices=STUDIES, action="append")
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args(arguments)
    found = {name: STUDIES[name](told.experiments, told.seed) for name in told.study or STUDIES}
    print(json.dumps({"experiments": told.experiments, "aim": [LEAST, MOST], **found}, indent=1))


if __name__ == "__main__":
    main()
