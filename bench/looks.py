"""How often does `looks: any` find a difference that is not there, looking after every draw? Prints JSON.

    python bench/looks.py [--experiments 2000]

`any_look` is the share of experiments in which some look finds a difference, `once` that of one test of the whole run.
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
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from agentlab.stats.contrasts.anytime import level

Array = NDArray[np.float64]
Shape = tuple[int, int, int]
"""Experiments, tasks, draws."""
SIZES = ((6, 2), (6, 15), (10, 5), (10, 30), (30, 15))
"""Tasks and draws."""
EFFECT = 2.8
"""In standard errors of the whole run: what one test finds in 80 %, were its standard error known."""


def _differ(rng: np.random.Generator, shape: Shape) -> Array:
    return rng.normal(size=shape) + 0.5 * rng.normal(size=(*shape[:2], 1))


def _shares(rng: np.random.Generator, shape: Shape, p: float) -> Array:
    return (rng.random(shape) < p).astype(np.float64) - (rng.random(shape) < p).astype(np.float64)


NULLS: Mapping[str, Callable[[np.random.Generator, Shape], Array]] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "normal, tasks differ": _differ,
    "0 or 1": lambda rng, shape: _shares(rng, shape, 0.5),
    "0 or 1, rarely 1": lambda rng, shape: _shares(rng, shape, 0.1),
    "skewed": lambda rng, shape: rng.exponential(size=shape) - 1,
}
"""Differences of pairs of which the mean is 0."""


def shares(differences: Array, new: bool) -> dict[str, float]:
    """The shares of experiments with a difference, for new tasks or for these."""
    experiments, _, draws = differences.shape
    anywhere, p = np.zeros(experiments, dtype=np.bool_), np.ones(experiments)
    for draw in range(1 if new else 2, draws + 1):
        p = (_new_tasks if new else _these_tasks)(differences[:, :, :draw])
        anywhere |= p <= level(draw / draws)
    return {"any_look": round(float(anywhere.mean()), 4), "once": round(float((p <= 0.05).mean()), 4)}


def _new_tasks(seen: Array) -> Array:
    means = seen.mean(axis=2)
    return _p(means.mean(axis=1), means.var(axis=1, ddof=1) / seen.shape[1], np.float64(seen.shape[1] - 1))


def _these_tasks(seen: Array) -> Array:
    _, tasks, draws = seen.shape
    v = seen.var(axis=2, ddof=1) / draws
    df = v.sum(axis=1) ** 2 / np.maximum((v**2 / draws).sum(axis=1), 1e-300) - 1
    return _p(seen.mean(axis=(1, 2)), v.sum(axis=1) / tasks**2, np.clip(df, 1e-9, tasks * (draws - 1)))


def _p(difference: Array, variance: Array, df: Array | np.float64) -> Array:
    """Two-sided, by t; 1 where nothing varies."""
    t = np.abs(difference) / np.sqrt(np.maximum(variance, 1e-300))
    return np.where(variance > 1e-18, 2 * np.asarray(stats.t.sf(t, df), dtype=np.float64), 1.0)


def main(arguments: Sequence[str] | None = None) -> None:
    """Plays every size with every kind of difference, and normal ones with an effect."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    rows: list[dict[str, Any]] = []
    for i, (tasks, draws) in enumerate(SIZES):
        for j, (name, make) in enumerate(NULLS.items()):
            null = make(np.random.default_rng([options.seed, i, j]), (options.experiments, tasks, draws))
            row: dict[str, Any] = {"tasks": tasks, "draws": draws, "differences": name, "new_tasks": shares(null, True)}
            if name != "normal, tasks differ":  # where they do, these tasks have a difference of their own
                row["these_tasks"] = shares(null, False)
            if name == "normal":
                shifted = null + EFFECT / math.sqrt(tasks * draws)
                row["effect"] = {"new_tasks": shares(shifted, True), "these_tasks": shares(shifted, False)}
            rows.append(row)
    print(json.dumps({"experiments": options.experiments, "looks": rows}, indent=1))


if __name__ == "__main__":
    main()
