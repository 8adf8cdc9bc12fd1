"""Studies of coverage: incoherence and its differences of accurate models, and what several tries are worth."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from agentlab.stats.incoherence.incoherence import shares_apart
from agentlab.stats.jackknife import share
from agentlab.stats.passes import Counts, all_right, one_right, passes
from bench.tally import Tally

Array = NDArray[np.float64]
Accuracies = Callable[[float, Array, np.random.Generator], Array]
WRONG = (1.2, 0.6, 0.3)
"""Dirichlet parameters of a task's wrong answers."""
ERRORLESS = 1e-12


def graded(strength: float) -> Accuracies:
    """Accuracies by task, at the quantiles given: the higher the strength, the more alike are tasks."""
    return lambda mean, at, _: np.asarray(1 - stats.beta.ppf(at, (1 - mean) * strength, mean * strength))


def some_hard(mean: float, at: Array, rng: np.random.Generator) -> Array:
    """A share `1 - mean` of tasks is nearly always wrong, the others are nearly always right."""
    return np.where(at < 1 - mean, rng.beta(1, 6, size=len(at)), rng.beta(60, 0.6, size=len(at)))


KINDS: Mapping[str, Accuracies] = {
    "tasks differ": graded(2),
    "tasks differ much": graded(0.6),
    "tasks are alike": graded(20),
    "one task in twenty is hard": some_hard,
}


def of_incoherence(experiments: int, seed: int) -> list[dict[str, Any]]:
    """At accuracy .95, its difference from another such model, and from one of accuracy .85; a quarter of the count."""
    rows: list[dict[str, Any]] = []
    for i, (name, kind) in enumerate(KINDS.items()):
        rng = np.random.default_rng([seed, i])
        truths = [_ratio(_shares(kind, mean, rng.random(200_000), rng)) for mean in (0.95, 0.85)]
        for j, (tasks, draws) in enumerate(((10, 15), (10, 30), (20, 30), (30, 15))):
            rng = np.random.default_rng([seed, i, j])
            gaps = {"incoherence": truths[0], "no difference": 0.0, "difference": truths[0] - truths[1]}
            tallies = {key: Tally(truth, edge=False) for key, truth in gaps.items()}
            for _ in range(experiments // 4):
                at = rng.random(tasks)
                first, again, other = (_terms(kind, mean, at, draws, rng) for mean in (0.95, 0.95, 0.85))
                for key, estimate in zip(
                    gaps, (share(first), shares_apart(first, again), shares_apart(first, other)), strict=True
                ):
                    tallies[key].add(estimate.value, estimate.low, estimate.high)
            rows.append({"setting": f"{name}, {tasks} x {draws}", **{key: t.figures() for key, t in tallies.items()}})
    return rows


def _shares(kind: Accuracies, mean: float, at: Array, rng: np.random.Generator) -> Array:
    right = kind(mean, at, rng)[:, None]
    return np.concatenate([right, (1 - right) * rng.dirichlet(WRONG, size=len(at))], axis=1)


def _ratio(p: Array) -> float:
    return float((1 - (p**2).sum(axis=1)).sum() / (2 * (1 - p[:, 0])).sum())


def _terms(kind: Accuracies, mean: float, at: Array, draws: int, rng: np.random.Generator) -> Array:
    """Variance, error and the error that counts as none, by unbiased Brier."""
    p = _shares(kind, mean, at, rng)
    f = rng.multinomial(draws, p / p.sum(axis=1, keepdims=True)) / draws
    variance = (1 - (f**2).sum(axis=1)) * draws / (draws - 1)
    return np.stack([variance, 2 * (1 - f[:, 0]), np.full(len(at), ERRORLESS)], axis=1)


TRIES = (((1.5, 0.5), 5), ((2.0, 2.0), 5), ((3.0, 0.3), 3), ((9.0, 1.0), 1))
"""Beta parameters of accuracies over tasks, and tries."""


def of_passes(experiments: int, seed: int) -> list[dict[str, Any]]:
    """pass@k and pass^k for new tasks and for these ones; a quarter of the experiments."""
    rows: list[dict[str, Any]] = []
    worths: Mapping[str, Callable[[Counts, int], float]] = {"pass_at": one_right, "pass_all": all_right}
    for i, (shape, k) in enumerate(TRIES):
        p = np.random.default_rng([seed, i]).beta(*shape, size=200_000)
        for j, (tasks, draws) in enumerate(((6, 30), (10, 15), (12, 30), (30, 15), (8, 4))):
            if k > draws:
                continue
            rng = np.random.default_rng([seed, i, j])
            these = rng.beta(*shape, size=tasks)
            tallies = {
                **{f"{name}, new tasks": Tally(_worth(name, p, k), edge=False) for name in worths},
                **{f"{name}, these tasks": Tally(_worth(name, these, k), edge=False) for name in worths},
            }
            for _ in range(experiments // 4):
                for about, chances in (("new tasks", rng.beta(*shape, size=tasks)), ("these tasks", these)):
                    right: list[int] = rng.binomial(draws, chances).tolist()
                    for name, worth in worths.items():
                        estimate = passes([[c, draws - c] for c in right], k, worth)
                        ends = estimate.new_tasks if about == "new tasks" else estimate.these_tasks
                        tallies[f"{name}, {about}"].add(estimate.value, ends.low, ends.high)
            figures = {key: tally.figures() for key, tally in tallies.items() if len(tally.estimates) > 1}
            rows.append({"setting": f"accuracies beta{shape}, k = {k}, {tasks} x {draws}", **figures})
    return rows


def _worth(name: str, p: Array, k: int) -> float:
    return float((1 - (1 - p) ** k if name == "pass_at" else p**k).mean())
