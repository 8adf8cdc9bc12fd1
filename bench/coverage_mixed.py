"""Studies of the mixed model where nothing differs: how often its fit has an interval, and what stands in for it."""

from typing import Any

import numpy as np
import pandas as pd

from agentlab.analysis.contrasts.mixed import SAME
from agentlab.analysis.contrasts.mixed_fit import fit
from agentlab.errors import AnalysisError
from agentlab.stats.contrasts.paired import paired
from agentlab.stats.interval import t_quantile
from bench.tally import Tally

SIZES = ((10, 5), (20, 5))
"""Tasks, and draws of either arm."""


def of_mixed(experiments: int, seed: int) -> list[dict[str, Any]]:
    """Right or wrong with one chance for both arms; a tenth of the experiments, since a fit takes long.

    `model`: intervals of fits that have one. `instead`: the paired difference where the fit has none.
    """
    rows: list[dict[str, Any]] = []
    for tasks, draws in SIZES:
        rng = np.random.default_rng([seed, 900, tasks, draws])
        tallies = {name: Tally(0.0, edge=False) for name in ("model", "instead", "paired")}
        for _ in range(experiments // 10):
            _experiment(rng, tallies, tasks, draws)
        figures = {name: tally.figures() for name, tally in tallies.items()}
        counts = {name: len(tally.estimates) for name, tally in tallies.items()}
        rows.append({"setting": f"{tasks} tasks, {draws} draws", "intervals": counts, **figures})
    return rows


def _experiment(rng: np.random.Generator, tallies: dict[str, Tally], tasks: int, draws: int) -> None:
    chance = rng.uniform(0.2, 0.8, (tasks, 1))
    a, b = ((rng.random((tasks, draws)) < chance).astype(np.float64).ravel() for _ in range(2))
    names, places = (index.ravel() for index in np.indices((tasks, draws)))
    result = paired(names.tolist(), places.tolist(), a, b)
    like = result.new_tasks
    sides = [
        pd.DataFrame({"task": names.astype(str), "draw": places, "arm": arm, "value": values})
        for arm, values in ((0.5, a), (-0.5, b))
    ]
    if like is None:
        return
    tallies["paired"].add(result.difference, like.low, like.high)
    try:
        fitted = fit(pd.concat(sides))
    except AnalysisError:
        return
    if fitted.converged and not (fitted.singular and abs(fitted.se / like.se - 1) > SAME):
        margin = t_quantile(tasks - 1, 0.95) * fitted.se
        tallies["model"].add(fitted.estimate, fitted.estimate - margin, fitted.estimate + margin)
    else:
        tallies["instead"].add(result.difference, like.low, like.high)
