"""How many tasks change their answer: between draws of one context, between contexts, or between any draws."""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Changes:
    """Shares of tasks with at least two different answers; each grows with the number of draws, which stands beside."""

    within: float | None
    """Between draws of one context, in any context; None when no context has two draws."""
    between: float | None
    """Between the most frequent answers of contexts; None when no task has two contexts. A tie has several."""
    anywhere: float
    tasks: int
    draws: int
    """Fewest draws of a task."""


def changes(tasks: Sequence[Hashable], contexts: Sequence[Hashable], answers: Sequence[Hashable]) -> Changes:
    """All three have one entry a draw; contexts are nested in tasks. Raises ValueError for a task with one draw."""
    by_task: dict[Hashable, dict[Hashable, Counter[Hashable]]] = {}
    for task, context, answer in zip(tasks, contexts, answers, strict=True):
        by_task.setdefault(task, {}).setdefault(context, Counter())[answer] += 1
    sizes = {task: sum(sum(counts.values()) for counts in by_context.values()) for task, by_context in by_task.items()}
    if not sizes or min(sizes.values()) < 2:
        raise ValueError("every task needs two draws: one answer changes nothing")
    within = [
        by_context for by_context in by_task.values() if any(sum(counts.values()) > 1 for counts in by_context.values())
    ]
    between = [by_context for by_context in by_task.values() if len(by_context) > 1]
    return Changes(
        within=_share([any(len(counts) > 1 for counts in by_context.values()) for by_context in within]),
        between=_share([_apart(list(by_context.values())) for by_context in between]),
        anywhere=_share([len(set[Hashable]().union(*by_context.values())) > 1 for by_context in by_task.values()])
        or 0.0,
        tasks=len(by_task),
        draws=min(sizes.values()),
    )


def _apart(contexts: Sequence[Counter[Hashable]]) -> bool:
    """Whether no answer is a most frequent one of every context."""
    return not set[Hashable].intersection(*(_modes(counts) for counts in contexts))


def _modes(counts: Counter[Hashable]) -> set[Hashable]:
    most = max(counts.values())
    return {answer for answer, count in counts.items() if count == most}


def _share(hits: Sequence[bool]) -> float | None:
    return sum(hits) / len(hits) if hits else None
