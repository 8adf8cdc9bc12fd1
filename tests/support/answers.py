"""Answers for the tests of the decomposition: given as vote counts, all outcomes of a draw, or at random."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from agentlab.stats.incoherence.choices import Choices, stated, votes

Floats = NDArray[np.float64]


def close(found: Any, expected: Any, rtol: float = 1e-9, atol: float = 1e-9) -> None:
    """Equal up to rounding; NaN is equal to NaN only."""
    np.testing.assert_allclose(np.asarray(found, float), np.asarray(expected, float), rtol, atol)


def counted(*tasks: Sequence[int]) -> Choices:
    """A task per vote count, `(8, 1, 0)` being 8 votes for class 0, which is right."""
    codes = np.repeat(np.arange(len(tasks)), [sum(task) for task in tasks])
    answers = np.concatenate([np.repeat(np.arange(len(task)), task) for task in tasks])
    return votes(codes, answers, np.zeros(len(tasks)), [len(task) for task in tasks])


def outcomes(p: Sequence[float], draws: int) -> tuple[Choices, Floats]:
    """Every vote count that `draws` draws of `p` can give, a task each, with its chance: expectations are exact."""
    every = list(_compositions(draws, len(p)))
    chance: Floats = np.asarray(stats.multinomial.pmf(every, draws, p), dtype=np.float64)
    return counted(*every), chance


def _compositions(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    if parts == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in _compositions(total - first, parts - 1):
            yield (first, *rest)


@dataclass(frozen=True, slots=True)
class Stated:
    """Ragged probabilities: a matrix (draws, classes) per task, and the right classes."""

    tasks: list[Floats]
    gold: list[int]

    @property
    def codes(self) -> NDArray[np.intp]:
        return np.repeat(np.arange(len(self.tasks)), [len(task) for task in self.tasks])

    @property
    def rows(self) -> Floats:
        widest = max(task.shape[1] for task in self.tasks)
        padded = [np.pad(t, ((0, 0), (0, widest - t.shape[1])), constant_values=np.nan) for t in self.tasks]
        return np.concatenate(padded)

    @property
    def choices(self) -> Choices:
        return stated(self.codes, self.rows, self.gold)


@st.composite
def ragged(draw: st.DrawFn, hard: bool | None = None) -> Stated:
    """One to four tasks of two to six draws and two to five classes; votes, or probabilities some of which are 0."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    tasks: list[Floats] = []
    votes_only = draw(st.booleans()) if hard is None else hard
    for _ in range(draw(st.integers(1, 4))):
        draws, classes = draw(st.integers(2, 6)), draw(st.integers(2, 5))
        p = rng.dirichlet(np.full(classes, draw(st.sampled_from((0.2, 1.0, 5.0)))), size=draws)
        p[p < draw(st.sampled_from((0.0, 0.1)))] = 0.0
        p /= p.sum(axis=1, keepdims=True)
        tasks.append(np.eye(classes)[p.argmax(axis=1)] if votes_only else p)
    return Stated(tasks, [draw(st.integers(0, task.shape[1] - 1)) for task in tasks])
