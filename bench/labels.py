"""What labels are worth: coverage and width of corrected means over many simulated experiments. Prints JSON.

100 of 2,100 items are labelled; people call 60 % positive; a judge has sensitivity .9 and specificity .8. A second
design has 12 tasks of 20 rollouts, errors of the judge that differ by task, and two conditions, one of them flattered.
"""

import argparse
import json
import time
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from agentlab.stats.judges.ppi import Corrected, LabelledScores, difference, mean
from agentlab.stats.judges.rogan_gladen import prevalence

Array = NDArray[np.float64]
Limits = tuple[float | None, float | None]
TRUTH, SENSITIVITY, SPECIFICITY, LABELLED, OTHERS = 0.6, 0.9, 0.8, 100, 2000
TASKS, DRAWS, OF_TASK, EFFECT = 12, 20, 4, 0.5


def plain(rng: np.random.Generator) -> Mapping[str, Limits]:
    """Intervals of the published design, by estimator."""
    n = LABELLED + OTHERS
    y = (rng.random(n) < TRUTH).astype(float)
    f = np.where(y == 1, rng.random(n) < SENSITIVITY, rng.random(n) >= SPECIFICITY).astype(float)
    judged = LabelledScores(f, np.where(np.arange(n) < LABELLED, y, np.nan), LABELLED / n)
    corrected = prevalence(judged)
    share, margin = float(f.mean()), 1.96 * float(f.std()) / n**0.5
    return {
        "naive": (share - margin, share + margin),
        "labels only": limits(mean(judged, 0.0)),
        "PPI": limits(mean(judged, 1.0)),
        "PPI++": limits(mean(judged)),
        "Rogan-Gladen": (corrected.low, corrected.high),
    }


def arms(rng: np.random.Generator) -> Mapping[str, Limits]:
    """Intervals of the difference of two conditions on the same tasks."""
    tasks = np.repeat(np.arange(TASKS), DRAWS)
    worth, flattery = rng.normal(size=TASKS)[tasks], rng.normal(0.3, 0.4, size=(2, TASKS))[:, tasks]
    slope = rng.normal(scale=0.3, size=TASKS)[tasks]
    y = np.stack([worth + EFFECT + slope, worth]) + rng.normal(scale=0.5, size=(2, len(tasks)))
    f = y + flattery + np.array([[0.0], [1.0]]) + rng.normal(scale=0.3, size=y.shape)
    kept, names = np.arange(len(tasks)) % DRAWS < OF_TASK, tasks.tolist()
    a, b = (LabelledScores(f[i], np.where(kept, y[i], np.nan), OF_TASK / DRAWS, names) for i in (0, 1))
    first, second = (LabelledScores(f[i], f[i], 1.0, names) for i in (0, 1))
    return {
        "uncorrected": limits(difference(first, second, 0.0)),
        "labels only": limits(difference(a, b, 0.0)),
        "PPI++": limits(difference(a, b)),
    }


def limits(corrected: Corrected) -> Limits:
    return (None, None) if corrected.interval is None else (corrected.interval.low, corrected.interval.high)


def tried(rows: list[Mapping[str, Limits]], truth: float) -> dict[str, dict[str, float | int]]:
    """Coverage and mean width by estimator; `none` counts experiments without an interval."""
    figures: dict[str, dict[str, float | int]] = {}
    for name in rows[0]:
        ends: Array = np.array([row[name] for row in rows], dtype=np.float64)
        there = ends[~np.isnan(ends[:, 0])]
        inside = (there[:, 0] <= truth) & (truth <= there[:, 1])
        figures[name] = {
            "coverage": round(float(inside.mean()), 4),
            "width": round(float((there[:, 1] - there[:, 0]).mean()), 4),
            "none": len(ends) - len(there),
        }
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiments", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng, start = np.random.default_rng(options.seed), time.perf_counter()
    figures = {
        "experiments": options.experiments,
        "seed": options.seed,
        "mean": tried([plain(rng) for _ in range(options.experiments)], TRUTH),
        "difference": tried([arms(rng) for _ in range(options.experiments)], EFFECT),
    }
    print(json.dumps({**figures, "seconds": round(time.perf_counter() - start, 1)}, indent=2))


if __name__ == "__main__":
    main()
