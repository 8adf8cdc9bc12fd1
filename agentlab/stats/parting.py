"""When a proxy and the truth part over generations: a one-sided simultaneous band for the gap between their gains.

For task t and generation g >= 1, `D_tg = (proxy_tg - proxy_t0) - (true_tg - true_t0)`. The lower limits
`mean_g - c se_g` hold for all generations at once with the stated level: c is the quantile of the maximum of G
correlated t statistics (max-t; Hothorn, Bretz & Westfall 2008, Biometrical Journal 50:346), found by simulation with a
fixed seed. The first generation whose limit is above 0 is the one by which the two have parted at the latest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agentlab.stats.contrasts.power import FEWEST_TASKS

Floats = NDArray[np.float64]
SIMULATED = 20_000
"""Draws of the maximum."""
TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Gap:
    """How much more the proxy has gained than the truth, since generation 0."""

    generation: int
    difference: float
    low: float | None
    """The lower limit of the band; there is no upper one. None if the tasks allow none."""


@dataclass(frozen=True, slots=True)
class Parting:
    """The gap in each generation, and the generation by which proxy and truth have parted."""

    gaps: tuple[Gap, ...]
    by: int | None
    """The first generation whose lower limit is above 0; None if there is none."""
    tasks: int
    units: int
    """Clusters of tasks, or tasks."""
    note: str = ""
    """Why there is no band."""


def parting(
    proxy: ArrayLike,
    true: ArrayLike,
    clusters: Sequence[int] | None = None,
    level: float = 0.95,
    seed: int = 0,
    most: float = inf,
) -> Parting:
    """The parting in task means of shape (tasks, generations + 1). Column 0 is generation 0. No value may be missing.

    `clusters` has the number of each task's cluster, if tasks share a source. Fewer than 6 tasks or clusters give no
    band. Limits are at least `-most`, the widest gap there can be. Raises ValueError for arrays of other shapes or with
    missing values.
    """
    p, t = np.asarray(proxy, dtype=np.float64), np.asarray(true, dtype=np.float64)
    if p.ndim != 2 or p.shape != t.shape or p.shape[1] < 2 or not p.shape[0]:
        raise ValueError(f"proxy {p.shape} and true {t.shape}: both must have shape (tasks, generations + 1)")
    if not (np.isfinite(p).all() and np.isfinite(t).all()):
        raise ValueError("a task mean is missing")
    d_tg: Floats = (p[:, 1:] - p[:, :1]) - (t[:, 1:] - t[:, :1])
    mean_g = d_tg.mean(axis=0)
    sums_ug = _sums((d_tg - mean_g) / len(d_tg), clusters)
    units = len(sums_ug)
    if units < FEWEST_TASKS:
        gaps = tuple(Gap(g, float(mean), None) for g, mean in enumerate(mean_g, start=1))
        what = "tasks" if clusters is None else "clusters of tasks"
        return Parting(gaps, None, len(d_tg), units, f"{units} {what}: at least {FEWEST_TASKS} are needed for limits")
    se_g: Floats = np.sqrt(units / (units - 1) * np.square(sums_ug).sum(axis=0))
    varies = se_g > TINY
    low_g = np.full(len(mean_g), np.nan)
    if varies.any():
        low_g[varies] = np.maximum(-most, mean_g[varies] - _quantile(sums_ug[:, varies], level, seed) * se_g[varies])
    gaps = tuple(
        Gap(g, float(mean), float(low) if np.isfinite(low) else None)
        for g, (mean, low) in enumerate(zip(mean_g, low_g, strict=True), start=1)
    )
    by = next((gap.generation for gap in gaps if gap.low is not None and gap.low > 0), None)
    note = "" if varies.all() else "in some generation, the gap is the same in every task, so it has no limit"
    return Parting(gaps, by, len(d_tg), units, note)


def _sums(influence_tg: Floats, clusters: Sequence[int] | None) -> Floats:
    """What each cluster adds to the error of the mean."""
    if clusters is None:
        return influence_tg
    codes = np.asarray(clusters)
    return np.array([influence_tg[codes == code].sum(axis=0) for code in dict.fromkeys(clusters)])


def _quantile(sums_ug: Floats, level: float, seed: int) -> float:
    """Of the largest of G t statistics with the correlation of the sums; units - 1 degrees of freedom."""
    units, generations = sums_ug.shape
    correlation = np.corrcoef(sums_ug.T).reshape(generations, generations)
    root = np.linalg.cholesky(correlation + 1e-9 * np.eye(generations))
    dice = np.random.default_rng(seed)
    normal = dice.standard_normal((SIMULATED, generations)) @ root.T
    scale = np.sqrt(dice.chisquare(units - 1, SIMULATED) / (units - 1))
    return float(np.quantile(normal.max(axis=1) / scale, level))
