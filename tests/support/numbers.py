"""Comparing numbers up to rounding, and the tasks and draws of a small experiment."""

from typing import Any

import numpy as np


def close(found: Any, expected: Any, rtol: float = 1e-7, atol: float = 0) -> None:
    """Equal up to rounding; None is equal to nothing."""
    np.testing.assert_allclose(np.asarray(found, float), np.asarray(expected, float), rtol, atol, equal_nan=False)


def grid(tasks: int, draws: int) -> tuple[list[int], list[int]]:
    return [t for t in range(tasks) for _ in range(draws)], [r for _ in range(tasks) for r in range(draws)]
