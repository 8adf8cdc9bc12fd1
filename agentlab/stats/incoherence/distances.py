"""Draws that are points: which tests passed, where an optimizer ended, what an embedding model made of a text."""

import numpy as np
from numpy.typing import ArrayLike

from agentlab.stats.incoherence.decompose import Decomposition, DrawSpread, spread, squared
from agentlab.stats.rows import Floats, Rows, rows


def coverage(tasks: ArrayLike, passed: ArrayLike) -> Decomposition:
    """Unit tests: `error = mean (1 - y)²` over draws and tests, against all of a task's tests passing.

    `passed` has shape (N, J) with 1 or 0, NaN beyond the tests of a task, which are its leading columns. With pass
    rates p_j, `bias² = mean (1 - p_j)²`, `variance = mean p_j (1 - p_j)` (Hägele et al. 2026, arXiv 2601.23045), and
    the incoherence is the error-weighted mean pass rate: it knows nothing of which tests fail together. Plug-in.
    """
    groups = rows(tasks)
    y = _matrix(groups, passed, "passed")
    given = ~np.isnan(y)
    inside = groups.any(given)
    if not np.array_equal(given, inside[groups.codes]):
        raise ValueError("passed: every draw of a task needs a result for each of its tests")
    if not inside.any(axis=1).all() or not np.isin(y[given], (0.0, 1.0)).all():
        raise ValueError("passed: each task needs a test, and each result is 0 or 1")
    share = inside / np.sqrt(inside.sum(axis=1, keepdims=True))
    return squared("coverage", groups, np.where(given, y, 0.0) * share[groups.codes], share)


def norm(tasks: ArrayLike, points: ArrayLike, targets: ArrayLike, matrix: ArrayLike | None = None) -> Decomposition:
    """Points (N, D) against `targets` (D,) or (T, D) in the squared norm `x' A x`; A is (D, D), the identity if None.

    `BIAS² = |E x - y|²_A`, `VAR = E|x - E x|²_A`. Plug-in. Raises ValueError unless A is symmetric and positive
    semi-definite to within rounding.
    """
    groups = rows(tasks)
    x = _finite(groups, points, "points")
    y: Floats = np.broadcast_to(np.asarray(targets, dtype=np.float64), (len(groups.counts_t), x.shape[1]))
    if not np.isfinite(y).all():
        raise ValueError("targets: every coordinate has to be a finite number")
    if matrix is not None:
        root = _root(np.asarray(matrix, dtype=np.float64), x.shape[1])
        x, y = x @ root, y @ root
    return squared("norm", groups, x, y)


def embeddings(tasks: ArrayLike, points: ArrayLike) -> DrawSpread:
    """Mean squared Euclidean distance of embeddings (N, D) to the mean of their task.

    Variance only: there is no right text, so no bias, no error and no incoherence. It rises with the length and
    changes with the style of texts that mean the same.
    """
    groups = rows(tasks)
    return spread(groups, _finite(groups, points, "points"))


def _matrix(groups: Rows, values: ArrayLike, name: str) -> Floats:
    x: Floats = np.asarray(values, dtype=np.float64)
    if x.ndim != 2 or len(x) != len(groups.codes):
        raise ValueError(f"{name} of shape {x.shape}: one row for each of the {len(groups.codes)} draws is needed")
    return x


def _finite(groups: Rows, values: ArrayLike, name: str) -> Floats:
    x = _matrix(groups, values, name)
    if not np.isfinite(x).all():
        raise ValueError(f"{name}: every coordinate has to be a finite number")
    return x


def _root(a: Floats, size: int) -> Floats:
    """B with `B B' = A`, so that `|x B|² = x' A x`."""
    tiny = 1e-9 * float(np.abs(a).max(initial=0.0))
    if a.shape != (size, size) or not np.abs(a - a.T).max(initial=0.0) <= tiny:
        raise ValueError(f"matrix of shape {a.shape}: a symmetric ({size}, {size}) one is needed")
    values, vectors = np.linalg.eigh(a)
    if values.min(initial=0.0) < -tiny:
        raise ValueError(f"matrix with eigenvalue {values.min():g}: a norm needs a positive semi-definite one")
    return vectors * np.sqrt(np.maximum(values, 0.0))
