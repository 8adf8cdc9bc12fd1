"""Studies of coverage: skewed and rare paired differences, clusters of tasks, means of one arm on a bounded scale."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentlab.stats.arm_mean import arm_mean
from agentlab.stats.contrasts.paired import paired
from agentlab.stats.estimate import Estimate
from agentlab.stats.interval import Interval, t_interval
from bench.tally import Tally

Array = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Array]
"""Differences of so many tasks, shape (tasks,)."""
TASKS = (6, 10, 12, 20, 30)
HARD = (0.05, 0.1, 0.2)
"""Shares of tasks that are hard."""


def _carried(noise: float) -> Draw:
    """An effect of 1 in one task in ten, beside noise."""
    return lambda rng, tasks: (rng.random(tasks) < 0.1) + noise * rng.normal(size=tasks)


def _rare(first: float, second: float, draws: int) -> Draw:
    """Shares of right answers of two arms that are right with such chances, which differ from task to task."""

    def drawn(rng: np.random.Generator, tasks: int) -> Array:
        p, q = (rng.beta(2 * chance, 2 * (1 - chance), size=tasks) for chance in (first, second))
        return (rng.binomial(draws, p) - rng.binomial(draws, q)) / draws

    return drawn


EFFECTS: Mapping[str, tuple[float, Draw]] = {
    "normal": (0.0, lambda rng, tasks: rng.normal(size=tasks)),
    "heavy tails (t with 3)": (0.0, lambda rng, tasks: rng.standard_t(3, size=tasks)),
    "exponential": (1.0, lambda rng, tasks: rng.exponential(size=tasks)),
    "lognormal": (float(np.exp(0.5)), lambda rng, tasks: rng.lognormal(size=tasks)),
    "one task in ten carries all, noise .3": (0.1, _carried(0.3)),
    "one task in ten carries all, noise .1": (0.1, _carried(0.1)),
    "right in .97 and .90 of 5 draws": (0.07, _rare(0.97, 0.9, 5)),
    "right in .95 and .95 of 5 draws": (0.0, _rare(0.95, 0.95, 5)),
    "right in .7 and .5 of 1 draw": (0.2, _rare(0.7, 0.5, 1)),
}


def of_effects(experiments: int, seed: int) -> list[dict[str, Any]]:
    """The interval for new tasks of a paired difference, and Student's t beside it."""
    rows: list[dict[str, Any]] = []
    for i, (name, (truth, draw)) in enumerate(EFFECTS.items()):
        for tasks in TASKS:
            rng = np.random.default_rng([seed, 200 + i, tasks])
            tallies = {method: Tally(truth, edge=False) for method in ("new_tasks", "student")}
            for _ in range(experiments):
                d = draw(rng, tasks)
                new, mean = paired(range(tasks), [0] * tasks, d, np.zeros(tasks)).new_tasks, float(d.mean())
                plain = new and t_interval(mean, new.se, new.df)
                for method, interval in zip(tallies, (new, plain), strict=True):
                    tallies[method].add(mean, interval and interval.low, interval and interval.high)
            figures = {method: tally.figures() for method, tally in tallies.items()}
            rows.append({"setting": f"{tasks} tasks, {name}", **figures})
    return rows


CLUSTERS: Mapping[str, tuple[int, ...]] = {
    "3 contexts of 4": (4,) * 3,
    "6 contexts of 4": (4,) * 6,
    "10 contexts of 3": (3,) * 10,
    "8 contexts of 1 to 8": (1, 1, 1, 2, 2, 4, 6, 8),
    "13 contexts, one of 12": (12, *[1] * 12),
}


def of_clusters(experiments: int, seed: int) -> list[dict[str, Any]]:
    """False alarms for new tasks where tasks share a context and truly nothing differs, with and without clusters."""
    rows: list[dict[str, Any]] = []
    for i, (name, sizes) in enumerate(CLUSTERS.items()):
        codes = np.repeat(np.arange(len(sizes)), sizes)
        count, home = len(codes), dict(enumerate(codes.tolist()))
        for shared in (0.0, 0.3, 0.6):
            rng, alarms = np.random.default_rng([seed, 300 + i, int(10 * shared)]), np.zeros(3)
            for _ in range(experiments):
                d = shared**0.5 * rng.normal(size=len(sizes))[codes] + (1 - shared) ** 0.5 * rng.normal(size=count)
                zeros = np.zeros(count)
                clustered = paired(range(count), zeros.tolist(), d, zeros, clusters=home)
                plain = paired(range(count), zeros.tolist(), d, zeros)
                flip = clustered.sign_flip
                alarms += [_rejects(clustered.new_tasks), _rejects(plain.new_tasks), flip is not None and flip <= 0.05]
            names = ("clustered", "as if alone", "sign_flip of clusters")
            shares = {key: round(float(n) / experiments, 4) for key, n in zip(names, alarms, strict=True)}
            note = {} if len(sizes) >= 6 else {"note": "under 6 clusters nothing is claimed beyond these tasks"}
            rows.append({"setting": f"{name}, ICC {shared}", "false_alarms": shares, **note})
    return rows


def _rejects(interval: Interval | None) -> bool:
    return interval is not None and interval.p < 0.05


ARMS: Mapping[str, tuple[float, float, float | None]] = {
    "right in .5, tasks differ": (0.5, 1.0, None),
    "right in .9, tasks differ": (0.9, 2.0, None),
    "right in .97, tasks differ": (0.97, 2.0, None),
    "right in .97, tasks alike": (0.97, 1e6, None),
    "scores about .5": (0.5, 30.0, 10.0),
    "scores about .8": (0.8, 5.0, 10.0),
    "scores about .95, skewed": (0.95, 5.0, 10.0),
}
"""Mean, and how much tasks and draws concentrate about their means (beta); None for answers that are right or wrong."""


def of_arms(experiments: int, seed: int) -> list[dict[str, Any]]:
    """Both intervals of one arm's mean, and Student's t over tasks."""
    rows: list[dict[str, Any]] = []
    for i, (name, setting) in enumerate(ARMS.items()):
        for tasks, draws in ((6, 5), (10, 1), (10, 5), (30, 5)):
            tallies = {key: Tally(0.0, edge=False) for key in ("these_tasks", "new_tasks", "student")}
            names = np.repeat(np.arange(tasks), draws).tolist()
            rng = np.random.default_rng([seed, 400 + i, tasks, draws])
            for truth, p, values in (_arm(rng, setting, tasks, draws) for _ in range(experiments)):
                made, mean_t = arm_mean(values.ravel(), names), values.mean(axis=1)
                se = float(mean_t.std(ddof=1)) / tasks**0.5
                plain = t_interval(float(mean_t.mean()), max(se, 1e-9), tasks - 1)
                _add(tallies["these_tasks"], made.these_tasks, float(p.mean()))
                _add(tallies["new_tasks"], made.new_tasks, truth)
                _add(tallies["student"], Estimate(float(mean_t.mean()), plain.low, plain.high), truth)
            figures = {key: tally.figures() for key, tally in tallies.items()}
            rows.append({"setting": f"{tasks} tasks x {draws}, {name}", **figures})
    return rows


def of_hard_tasks(experiments: int, seed: int) -> list[dict[str, Any]]:
    """The interval for new tasks of one arm's mean, right in .97 of most tasks and in .1 of a few."""
    rows: list[dict[str, Any]] = []
    for hard in HARD:
        truth = 0.97 - hard * 0.87
        for tasks in (6, 10, 20, 30, 60):
            tally, names = Tally(0.0, edge=False), np.repeat(np.arange(tasks), 10).tolist()
            rng = np.random.default_rng([seed, 450, tasks, round(100 * hard)])
            for _ in range(experiments):
                p = np.where(rng.random(tasks) < hard, 0.1, 0.97)
                values = (rng.random((10, tasks)) < p).T
                _add(tally, arm_mean(values.ravel().astype(np.float64), names).new_tasks, truth)
            rows.append({"setting": f"{tasks} tasks x 10, {hard:.0%} hard", "new_tasks": tally.figures()})
    return rows


def _arm(
    rng: np.random.Generator, setting: tuple[float, float, float | None], tasks: int, draws: int
) -> tuple[float, Array, Array]:
    """The true mean, the tasks' own, and the scores, shape (tasks, draws)."""
    mean, alike, narrow = setting
    p = rng.beta(mean * alike, (1 - mean) * alike, size=tasks)
    if narrow is None:
        return mean, p, (rng.random((tasks, draws)) < p[:, None]).astype(np.float64)
    p = 1e-3 + 0.998 * p
    return 1e-3 + 0.998 * mean, p, rng.beta(p[:, None] * narrow, (1 - p[:, None]) * narrow, size=(tasks, draws))


def _add(tally: Tally, estimate: Estimate, truth: float) -> None:
    """As an error, since every experiment has a truth of its own."""
    value, low, high = estimate.value, estimate.low, estimate.high
    tally.add(*(None if number is None else number - truth for number in (value, low, high)))
