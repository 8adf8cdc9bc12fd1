"""Studies of coverage: the odds ratio and the difference of mean scores by the cumulative-logit mixed model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from agentlab.stats.contrasts.cumulative_logit import SIDES, cumulative_logit
from bench.tally import Tally

Array = NDArray[np.float64]
SD = 1.0
"""Of tasks, in logits."""


@dataclass(frozen=True, slots=True)
class Case:
    """Thresholds between the levels 0, 1, ...; the effect and its SD over tasks, in logits."""

    name: str
    cuts: Sequence[float]
    effect: float
    slope_sd: float

    def chances(self, rng: np.random.Generator, tasks: int) -> Array:
        """Of each level, shape (tasks, arms, levels)."""
        u, s = SD * rng.normal(size=(tasks, 1)), self.slope_sd * rng.normal(size=(tasks, 1))
        below = special.expit(np.array(self.cuts) - (self.effect * SIDES + u + s * SIDES)[..., None])
        edges = np.concatenate([np.zeros((tasks, 2, 1)), below, np.ones((tasks, 2, 1))], axis=-1)
        return np.diff(edges, axis=-1)


CASES = (
    Case("right or wrong, no effect", (0.0,), 0.0, 0.5),
    Case("right or wrong, an effect", (-0.5,), 0.8, 0.5),
    Case("right in .9, no effect", (-2.6,), 0.0, 0.5),
    Case("five points, no effect", (-3.0, -1.5, 0.0, 1.5), 0.0, 0.7),
    Case("five points at their ceiling, an effect", (-5.0, -4.0, -3.0, -1.0), 0.8, 0.7),
)


def of_odds(experiments: int, seed: int) -> list[dict[str, Any]]:
    """95 % intervals by t; a twentieth of the experiments, since a fit takes long."""
    rows: list[dict[str, Any]] = []
    for i, case in enumerate(CASES):
        levels = np.arange(len(case.cuts) + 1)
        means = (case.chances(np.random.default_rng([seed, i]), 400_000) @ levels).mean(axis=0)
        for j, (tasks, draws) in enumerate(((10, 5), (12, 15), (30, 10))):
            rng, t = np.random.default_rng([seed, i, j]), float(stats.t.ppf(0.975, tasks - 1))
            odds, apart = Tally(case.effect, edge=False), Tally(float(means[0] - means[1]), edge=False)
            for _ in range(experiments // 20):
                counts = rng.multinomial(draws, case.chances(rng, tasks))
                there = counts.sum(axis=(0, 1)) > 0
                try:
                    fit = cumulative_logit(counts[..., there], levels[there])
                except ValueError:
                    odds.add(None, None, None)
                    apart.add(None, None, None)
                    continue
                for tally, value, se in (
                    (odds, fit.log_odds, fit.log_odds_se),
                    (apart, fit.difference, fit.difference_se),
                ):
                    tally.add(value, value - t * se, value + t * se)
            figures = {"log_odds": odds.figures(), "difference": apart.figures()}
            rows.append({"setting": f"{case.name}, {tasks} x {draws}", **figures})
    return rows
