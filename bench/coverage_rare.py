"""How often intervals for a rare event cover it, over simulated multilevel splitting.

    python bench/coverage_rare.py [EXPERIMENTS]

Prints a line of JSON for each number of draws and particles: four levels, each reached with probability 0.1, so that
the event has probability 1e-4; `covers` is the share of 95% intervals that hold it, `bias` the mean estimate over it.
"""

import json
import sys

import numpy as np

from agentlab.stats.particles.rare import mean_evidence

LEVELS, P = 4, 0.1
SIZES = ((10, 20), (10, 50), (10, 100), (20, 20), (20, 100), (30, 20))


def simulated(draws: int, particles: int, experiments: int) -> dict[str, float]:
    """Of so many experiments with independent levels, as fixed effort has them."""
    shares = np.random.default_rng(7).binomial(particles, P, (experiments, draws, LEVELS)) / particles
    estimates = [mean_evidence(values) for values in shares.prod(axis=2).tolist()]
    covered = sum(
        estimate.low is not None and estimate.high is not None and estimate.low <= P**LEVELS <= estimate.high
        for estimate in estimates
    )
    values = [estimate.value or 0.0 for estimate in estimates]
    return {"covers": round(covered / experiments, 3), "bias": round(sum(values) / experiments / P**LEVELS, 3)}


if __name__ == "__main__":
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    for draws, particles in SIZES:
        print(json.dumps({"draws": draws, "particles": particles, **simulated(draws, particles, many)}))
