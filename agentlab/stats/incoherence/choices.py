"""Answers to questions that have a right one: votes, stated probabilities, or groups of texts that mean the same.

All become probability vectors in long format, one row per draw, so that tasks may differ in draws, in classes or both.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from agentlab.stats.rows import Bools, Floats, Ints, Rows, rows, whole

SUM_TOLERANCE = 1e-6
"""How far from one a row of stated probabilities may sum; within it, a row is divided by its sum."""


@dataclass(frozen=True, slots=True)
class Choices:
    """N draws over T tasks of at most C classes each."""

    rows: Rows
    probabilities: Floats
    """Shape (N, C): what a draw gives each class; 0 beyond the classes of its task. One-hot for a vote."""
    inside: Bools
    """Shape (T, C): which columns are classes of the task."""
    gold_t: Ints | None
    """The right class of each task; None where no answer is right or wrong."""
    open: bool = False
    """The classes are those that were seen (groups of texts), so their number says nothing."""
    outside: int = 0
    """How many of the last columns are no choice that was given, such as the class of outputs without an answer."""

    @property
    def classes_t(self) -> Ints:
        """How many classes each task has."""
        return self.inside.sum(axis=1)

    @property
    def hard(self) -> bool:
        """Whether every draw gives one class everything."""
        return bool((self.probabilities.max(axis=1) == 1).all())

    @property
    def answers(self) -> Floats:
        """Shape (N, C): one-hot at each draw's most probable class; classes that tie share it equally."""
        p = self.probabilities
        best = p >= p.max(axis=1, keepdims=True) - 1e-12
        return best / best.sum(axis=1, keepdims=True)

    def right(self) -> Ints:
        """`gold_t`; raises ValueError where there is none."""
        if self.gold_t is None:
            raise ValueError("no right answers: without them there is a variance, but no error and no bias")
        return self.gold_t


def stated(tasks: ArrayLike, probabilities: ArrayLike, gold: ArrayLike | None) -> Choices:
    """Stated probabilities, shape (N, C), NaN beyond the classes of a task, which are its leading columns.

    `tasks` has shape (N,) with codes 0 to T - 1, `gold` shape (T,). Raises ValueError for one draw of a task, a NaN
    among its classes, a negative probability, a row that does not sum to one, or a right answer that is no class.
    """
    p: Floats = np.asarray(probabilities, dtype=np.float64)
    groups = rows(tasks)
    if p.ndim != 2 or len(p) != len(groups.codes):
        raise ValueError(f"probabilities of shape {p.shape}: one row for each of {len(groups.codes)} draws is needed")
    given = ~np.isnan(p)
    inside = groups.any(given)
    if not np.array_equal(given, inside[groups.codes]):
        row = int(np.flatnonzero((given != inside[groups.codes]).any(axis=1))[0])
        raise ValueError(f"row {row}: NaN in a class that other draws of task {groups.codes[row]} have")
    if (inside[:, 1:] & ~inside[:, :-1]).any():
        raise ValueError("NaN before a class: the classes of a task are its leading columns")
    filled = np.where(given, p, 0.0)
    sums: Floats = filled.sum(axis=1)
    wrong = np.flatnonzero((filled < 0).any(axis=1) | ~(np.abs(sums - 1) <= SUM_TOLERANCE))
    if len(wrong):
        row = int(wrong[0])
        why = "a negative probability" if (filled[row] < 0).any() else f"probabilities that sum to {sums[row]:g}"
        raise ValueError(f"row {row}: {why}; {len(wrong)} such rows; each has to sum to 1 within {SUM_TOLERANCE:g}")
    return Choices(groups, filled / sums[:, None], inside, _gold(gold, inside))


def votes(
    tasks: ArrayLike, answers: ArrayLike, gold: ArrayLike | None, classes: ArrayLike, outside: int = 0
) -> Choices:
    """Hard answers, shape (N,), each a class from 0; `classes` says how many a task has, one number or shape (T,).

    The last `outside` of them are no choices, only what an output may be instead.

    Raises ValueError for one draw of a task, an answer that is no class of its task, or a right answer that is none.
    """
    groups, chosen = rows(tasks), whole(answers, "answers")
    tasks_n = len(groups.counts_t)
    counts = np.broadcast_to(whole(classes, "classes"), tasks_n)
    if chosen.shape != groups.codes.shape:
        raise ValueError(f"answers of shape {chosen.shape}: one for each of the {len(groups.codes)} draws is needed")
    stray = np.flatnonzero((chosen < 0) | (chosen >= counts[groups.codes]))
    if len(stray):
        row = int(stray[0])
        task = groups.codes[row]
        raise ValueError(f"row {row}: answer {chosen[row]}, but task {task} has classes 0 to {counts[task] - 1}")
    inside = np.arange(int(counts.max())) < counts[:, None]
    one_hot: Floats = np.zeros((len(chosen), inside.shape[1]))
    one_hot[np.arange(len(chosen)), chosen] = 1.0
    return Choices(groups, one_hot, inside, _gold(gold, inside), outside=outside)


def groups(tasks: ArrayLike, labels: Sequence[Hashable], right: Sequence[Hashable] | None = None) -> Choices:
    """Free text by semantic group: `labels` has one group per draw, equal within a task where texts mean the same.

    `right` has the right group of each task, seen or not; without it there is no error. Groups of different tasks have
    nothing to do with each other. There is no fixed number of classes: those of a task are its groups, the right one
    included. Raises ValueError for one draw of a task or a draw without a group (None).
    """
    by_task = rows(tasks)
    if len(labels) != len(by_task.codes) or (right is not None and len(right) != len(by_task.counts_t)):
        raise ValueError(f"{len(labels)} labels for {len(by_task.codes)} draws of {len(by_task.counts_t)} tasks")
    if any(label is None for label in (*labels, *(right or ()))):
        raise ValueError("a label is None: a draw without a group has to be left out, and counted, beforehand")
    codes: list[int] = by_task.codes.tolist()
    known: list[dict[Hashable, int]] = [{} for _ in by_task.counts_t]
    answers = [known[t].setdefault(label, len(known[t])) for t, label in zip(codes, labels, strict=True)]
    gold = None if right is None else [names.setdefault(x, len(names)) for names, x in zip(known, right, strict=True)]
    choices = votes(tasks, answers, gold, [len(names) for names in known])
    return Choices(choices.rows, choices.probabilities, choices.inside, choices.gold_t, open=True)


def _gold(gold: ArrayLike | None, inside: Bools) -> Ints | None:
    if gold is None:
        return None
    right = whole(gold, "gold")
    classes: Ints = inside.sum(axis=1)
    if right.shape != classes.shape:
        raise ValueError(f"gold of shape {right.shape}: one right answer for each of {len(classes)} tasks is needed")
    outside = np.flatnonzero((right < 0) | (right >= classes))
    if len(outside):
        task = int(outside[0])
        raise ValueError(f"task {task}: right answer {right[task]}, but its classes are 0 to {classes[task] - 1}")
    return right
